import { writeDocument } from "#src/stages/documents.js";
import type { StageDeps } from "#src/stages/stage-deps.js";
import { workKeys } from "#src/storage/keys.js";

/** Puts one file where uploads lie, and the record of it with which a scan begins, for the model `bright3d`. */
export async function putUpload(
  stores: StageDeps["stores"],
  scanId: string,
  {
    key = "a.nii",
    version = "1",
    bytes,
  }: { readonly key?: string; readonly version?: string; readonly bytes: Uint8Array },
): Promise<void> {
  await stores.source.put(key, bytes);
  await writeDocument(stores.work, workKeys.source(scanId), {
    schemaVersion: 1,
    scanId,
    bucket: "uploads",
    objects: [{ key, version, size: bytes.length }],
    request: { model: "bright3d", refine: "on", seg: "binary", outputs: [], share: "stat" },
  });
}
