import { segImages } from "#src/cli/convert-seg.js";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { readNpy } from "#src/formats/npy-read.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { isSegFile } from "#src/formats/seg-labels.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import { expandUpload } from "#src/formats/upload.js";

/** Bytes as an upload of one file. */
export function uploadOf(bytes: Uint8Array, name: string): UploadEntry {
  return {
    ordinal: 0,
    name,
    size: bytes.length,
    read: async () => bytes,
    readHead: async (length) => bytes.subarray(0, length),
  };
}

/**
 * Gives bytes to every reader of untrusted input there is. Typed refusals are what readers are for.
 *
 * @returns code of the refusal, or "read"
 * @throws whatever is no typed error: a finding
 */
export async function readEverything(bytes: Uint8Array, name: string): Promise<string> {
  await typed(() => readSegGeometry(bytes));
  await typed(() => readNpy(bytes, name));
  if (isSegFile(bytes)) {
    for (const segments of ["together", "separate"] as const) {
      await typed(() => {
        for (const image of segImages(bytes, name, { segments })) image.image.data.at(0);
      });
    }
  }
  return typed(async () => {
    const entries = await expandUpload([uploadOf(bytes, name)]);
    const { scans } = await findScans(entries);
    for (const scan of scans) await loadScan(scan, entries);
  });
}

async function typed(read: () => unknown): Promise<string> {
  try {
    await read();
    return "read";
  } catch (error) {
    if (error instanceof PipelineError) return error.code;
    throw error;
  }
}
