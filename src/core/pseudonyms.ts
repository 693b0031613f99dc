import { createHmac } from "node:crypto";
import { type ResultId, uidOfDigest } from "./ids.js";

/** Bytes of the secret that pseudonyms are made with. */
export const SECRET_BYTES = 32;

/** UIDs that DICOM itself gives out (classes, syntaxes, well-known frames of reference) name no patient. */
const OWN_BY_DICOM = "1.2.840.10008.";

/**
 * New names for what identifies. Each is a function of the old name and of a secret (HMAC-SHA-256): the same everywhere
 * and on every run, and, to whoever has not the secret, no more than a random number, also if the old name is known.
 */
export interface Pseudonyms {
  /** Tells one secret from another, 16 hex digits, and tells nothing of it. */
  readonly keyId: string;
  /** Of a UID, under the root 2.25. Those of DICOM itself stay, and so does an empty one. */
  uid(original: string): string;
  /** Of a result. */
  resultId(original: ResultId): ResultId;
  /** Of a patient: `P-` and 16 hex digits, by what tells one patient from another. */
  patient(...parts: readonly string[]): string;
}

/**
 * @throws {RangeError} for a secret of another length than `SECRET_BYTES`
 */
export function pseudonymsOf(secret: Uint8Array): Pseudonyms {
  if (secret.length !== SECRET_BYTES) {
    throw new RangeError(`a secret must have ${SECRET_BYTES} bytes, got ${secret.length}`);
  }
  // JSON keeps apart what joined text would not: ["a b"] and ["a", "b"].
  const digest = (kind: string, ...parts: readonly string[]) =>
    createHmac("sha256", secret)
      .update(JSON.stringify([kind, ...parts]))
      .digest("hex");
  return {
    keyId: digest("key").slice(0, 16),
    uid: (original) =>
      original === "" || original.startsWith(OWN_BY_DICOM) ? original : uidOfDigest(digest("uid", original)),
    resultId: (original) => `r-${digest("result", original).slice(0, 40)}`,
    patient: (...parts) => `P-${digest("patient", ...parts).slice(0, 16)}`,
  };
}
