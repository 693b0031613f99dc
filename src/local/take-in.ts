import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { digestOf, scanIdOfObject } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { type Asked, type FolderRequest, MANIFEST_NAME, parseManifest, refusalOf } from "#src/intake/scan-manifest.js";
import { folderOf, roleOfName } from "#src/intake/upload-names.js";
import { readDocumentIfValid } from "#src/stages/documents.js";
import { workKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { RunRequest, type SourceDocument } from "#src/workflow/contract.js";
import { digestOfFile, HeldFile } from "./held-file.js";
import { filesOfPath } from "./open-path.js";
import { assertApart } from "./own-below.js";

/** An upload on this machine. */
export interface LocalUpload {
  /** The folder that stands for the bucket. */
  readonly root: string;
  readonly source: SourceDocument;
  /** Whether links in it are read wherever they lead: whoever named it may read that. */
  readonly followsLinks?: true;
  /** Its only file, where that was kept in memory for the stages that read it. */
  readonly held?: HeldFile;
}

/** Files that are taken together. */
export interface LocalFiles {
  /** Absolute path of their folder, where their `scan.json` lies. */
  readonly root: string;
  /** What to call them: a file's or folder's name. */
  readonly name: string;
  /** Paths below it, with slashes. */
  readonly files: readonly string[];
  /** As of `LocalUpload`; in a watched folder others may put links to what they cannot read themselves. */
  readonly followsLinks?: true;
  /** By what they were taken for whole, and what they lack; of a watched folder. */
  readonly judged?: Pick<SourceDocument, "completeness" | "refused">;
}

/**
 * Makes an upload of a file, or of all files of a folder. Its scan id is a function of the bytes and of what is asked
 * for, not of names or dates: the same command again continues the same work.
 *
 * @param asked goes before what the `scan.json` in the folder asks for. A folder that lacks files which that promises,
 *   or whose `scan.json` cannot be used, is an upload that Inspect refuses
 * @param own folders that the command writes to (`writtenTo`): what of them lies in the folder is no part of the upload
 * @throws {PipelineError} `StoreMissing` when nothing is there, `NoImage` for an empty folder, `InputMismatch` for one
 *   that the command writes to
 */
export async function takeIn(path: string, asked: Asked, own: readonly string[] = []): Promise<LocalUpload> {
  const { root, files } = await filesOfPath(path, own);
  // Else it is a file, and what lies beside it does not matter.
  if (root === path) await assertApart(root, own);
  return takeInFiles({ root, name: basename(path), files: files.filter(isUpload), followsLinks: true }, asked);
}

/**
 * The same of files that were chosen before.
 *
 * @throws {PipelineError} where they are none: what they were refused for, or `NoImage`
 */
export async function takeInFiles(
  { root, name, files, followsLinks, judged }: LocalFiles,
  asked: Asked,
): Promise<LocalUpload> {
  if (files.length === 0) {
    const { code, message } = judged?.refused ?? {
      code: "NoImage",
      message: "folder holds no files, expected at least one image",
    };
    throw new PipelineError(code, message);
  }
  const folder = await readLocalManifest(root, asked);
  const objects: SourceDocument["objects"] = [];
  let held: HeldFile | null = null;
  for (const key of files) {
    const { size } = await stat(join(root, key));
    // Of a packed file no reader changes the bytes.
    const { sha256, bytes } = await digestOfFile(join(root, key), files.length === 1 && key.endsWith(".gz"));
    if (bytes !== null) held = new HeldFile(key, bytes);
    objects.push({ key, version: sha256, size });
  }
  const digests = objects.map((object) => object.version).sort();
  const refused = refusalOf(folder, files.length) ?? judged?.refused;
  // What was refused is another scan than the same files once they are all.
  const wanted = refused === undefined ? folder.request : { ...folder.request, refused };
  const scanId = scanIdOfObject("local", digestOf(digests), digestOf(wanted));
  return {
    root,
    ...(followsLinks && { followsLinks }),
    ...(held !== null && { held }),
    source: {
      schemaVersion: SCHEMA_VERSION,
      scanId,
      bucket: "local",
      name,
      objects,
      request: folder.request,
      ...(judged?.completeness === undefined ? {} : { completeness: judged.completeness }),
      ...(refused === undefined ? {} : { refused }),
    },
  };
}

/**
 * An upload that was run before, from the folder where it lay then.
 *
 * @throws {PipelineError} `StoreMissing` where it is not there any more as it was
 */
export async function takeInAgain(source: SourceDocument, work: ScanStore): Promise<LocalUpload> {
  const origin = await readDocumentIfValid(work, workKeys.origin(source.scanId), OriginDocument);
  if (origin === null) {
    throw new PipelineError("StoreMissing", "where the upload lay is not recorded, expected it by `scanlane run`");
  }
  for (const [ordinal, { key, version }] of source.objects.entries()) {
    const found = await digestOfFile(join(origin.root, key), false).catch(() => null);
    if (found?.sha256 === version) continue;
    const state = found === null ? "not there" : "another one";
    throw new PipelineError(
      "StoreMissing",
      `entry ${ordinal} of the upload is ${state}, expected it as it was run before`,
    );
  }
  return { root: origin.root, source, ...(origin.followsLinks && { followsLinks: true }) };
}

/** Where an upload lies, for another attempt; this machine's own. */
export const OriginDocument = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  root: z.string(),
  followsLinks: z.literal(true).optional(),
});
export type OriginDocument = z.infer<typeof OriginDocument>;

/** What the `scan.json` of a folder on this machine says, after what was asked for. */
export async function readLocalManifest(folder: string, asked: Asked): Promise<FolderRequest> {
  const bytes = await readFile(join(folder, MANIFEST_NAME)).catch(() => null);
  return bytes === null
    ? { request: RunRequest.parse(asked), promised: null, fault: null }
    : parseManifest(bytes, asked);
}

/** What says something of the folder is no part of the upload. */
export function isUpload(key: string): boolean {
  return folderOf(key) !== "" || roleOfName(key) === "upload";
}
