import { PipelineError } from "#src/core/errors.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { expandUpload } from "#src/formats/upload.js";
import { workKeys } from "#src/storage/keys.js";
import { SourceDocument } from "#src/workflow/contract.js";
import { readDocument } from "./documents.js";
import type { StageDeps } from "./stage-deps.js";

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * What was uploaded, and its files with archives unpacked: ordinals are the same each time it is opened.
 *
 * @throws {PipelineError} the code with which intake refused it, or any of `expandUpload`
 */
export async function openUpload(
  scanId: string,
  deps: StageDeps,
): Promise<{ source: SourceDocument; entries: readonly UploadEntry[] }> {
  const source = await readDocument(deps.stores.work, workKeys.source(scanId), SourceDocument);
  if (source.refused !== undefined) throw new PipelineError(source.refused.code, source.refused.message);
  assertSizes(source, deps.limits?.uploadBytes);
  // One machine calls a file's version what it is: the digest of its bytes (`takeIn`).
  const isLocal = source.bucket === "local" && source.objects.every(({ version }) => SHA256.test(version));
  const files = source.objects.map(
    ({ key, version, size }, ordinal): UploadEntry => ({
      ordinal,
      name: key.slice(key.lastIndexOf("/") + 1),
      size,
      ...(isLocal && { sha256: version }),
      ...(source.bucket !== "local" && { isRemote: true }),
      read: () => deps.stores.source.get(key, undefined, version),
      readHead: (length) => deps.stores.source.get(key, { start: 0, end: length }, version),
    }),
  );
  return { source, entries: await expandUpload(files) };
}

/** A file is held whole: one that is too large would end the process without a word. */
function assertSizes({ objects }: SourceDocument, limit: number | undefined): void {
  for (const [ordinal, { size }] of objects.entries()) {
    if (limit === undefined || size <= limit) continue;
    throw new PipelineError("InputUnsupported", `file ${ordinal} has ${size} bytes, expected at most ${limit}`);
  }
}
