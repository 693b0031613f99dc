import { writeDocument } from "#src/stages/documents.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import { workKeys } from "#src/storage/keys.js";

interface UploadedFile {
  readonly key?: string;
  readonly version?: string;
  readonly bytes: Uint8Array;
}

/** Puts files where uploads lie, and the record of them with which a scan begins, for the model `bright3d`. */
export async function putUpload(
  stores: StageDeps["stores"],
  scanId: string,
  ...files: readonly UploadedFile[]
): Promise<void> {
  for (const { key = "a.nii", bytes } of files) await stores.source.put(key, bytes);
  await writeDocument(stores.work, workKeys.source(scanId), {
    schemaVersion: 1,
    scanId,
    bucket: "uploads",
    objects: files.map(({ key = "a.nii", version = "1", bytes }) => ({ key, version, size: bytes.length })),
    request: { model: "bright3d", refine: "on", seg: "binary", outputs: [], share: "stat" },
  });
}
