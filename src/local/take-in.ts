import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, scanIdOfObject } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { RunRequest, SourceDocument } from "#src/workflow/contract.js";
import { filesOfPath } from "./open-path.js";

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
  const { root, files } = await filesOfPath(path);
  const objects: SourceDocument["objects"] = [];
  for (const key of files) {
    const { size } = await stat(join(root, key));
    objects.push({ key, version: await sha256OfFile(join(root, key)), size });
  }
  const digests = objects.map((object) => object.version).sort();
  const scanId = scanIdOfObject("local", digestOf(digests), digestOf(request));
  return { root, source: { schemaVersion: SCHEMA_VERSION, scanId, bucket: "local", objects, request } };
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
