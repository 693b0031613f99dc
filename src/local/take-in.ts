import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { digestOf, scanIdOfObject } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { RunRequest, SourceDocument } from "#src/workflow/contract.js";

/** An upload on this machine. */
export interface LocalUpload {
  /** The folder that stands for the bucket. */
  readonly root: string;
  readonly source: SourceDocument;
}

/**
 * Makes an upload of a file, or of all files of a folder. Its scan id is a function of the bytes and of what is asked
 * for, not of names or dates: the same command again continues the same work.
 *
 * @throws {PipelineError} `StoreMissing` when nothing is there, `NoImage` for an empty folder
 */
export async function takeIn(path: string, request: RunRequest): Promise<LocalUpload> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "input is not there, expected a file or a folder", { cause });
  });
  const root = info.isDirectory() ? path : dirname(path);
  const files = info.isDirectory() ? await filesBelow(path) : [basename(path)];
  if (files.length === 0) throw new PipelineError("NoImage", "folder holds no files, expected at least one image");

  const objects: SourceDocument["objects"] = [];
  for (const key of files) {
    const { size } = await stat(join(root, key));
    objects.push({ key, version: await sha256OfFile(join(root, key)), size });
  }
  const digests = objects.map((object) => object.version).sort();
  const scanId = scanIdOfObject("local", digestOf(digests), digestOf(request));
  return { root, source: { schemaVersion: SCHEMA_VERSION, scanId, bucket: "local", objects, request } };
}

/** Keys of all files below a folder, sorted; hidden files and folders are left out. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((key) => !key.split("/").some((part) => part.startsWith(".")))
    .sort();
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
