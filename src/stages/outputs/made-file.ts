import { sha256 } from "#src/core/ids.js";
import type { ResultFile } from "#src/storage/keys.js";
import type { ResultDocument } from "#src/workflow/contract.js";

/** A file of the result, proven and not yet written. */
export interface MadeFile {
  readonly name: ResultFile;
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

/** As `result.json` and the reports list it. */
export function listed({ name, bytes }: MadeFile): ResultDocument["files"][number] {
  return { name, size: bytes.length, sha256: sha256(bytes) };
}
