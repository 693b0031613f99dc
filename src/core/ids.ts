import { createHash } from "node:crypto";

/** Identity of one upload: `s-` and 40 hex digits. It is also the name of its execution. */
export type ScanId = string;
/** Identity of one result: `r-` and 40 hex digits. Same inputs, model and settings: same id. */
export type ResultId = string;

/** SHA-256 of bytes or UTF-8 text, as 64 hex digits. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** What is hashed in one turn. */
const TURN_BYTES = 2 ** 23;

/** `sha256` of bytes, a part in each turn of the event loop: what waits for the file system goes on meanwhile. */
export async function sha256InTurns(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < bytes.length; at += TURN_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    hash.update(bytes.subarray(at, at + TURN_BYTES));
  }
  return hash.digest("hex");
}

/**
 * A digest of a JSON value that does not depend on the order of its keys.
 *
 * @throws {TypeError} for a value that JSON cannot hold (undefined in an array, NaN, functions)
 */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** JSON with sorted keys and no white space: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`JSON cannot hold ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(",")}}`;
  }
  throw new TypeError(`JSON cannot hold a ${typeof value}`);
}

/** The scan id of an uploaded object. `version` is the version id, or eTag and sequencer in an unversioned bucket. */
export function scanIdOfObject(bucket: string, key: string, version: string): ScanId {
  return `s-${digestOf([bucket, key, version]).slice(0, 40)}`;
}

/**
 * The scan id of a series of loose files, whatever the order in which they came.
 *
 * @param asked what is asked for: the same files with another request are another scan
 */
export function scanIdOfInstances(
  instances: readonly { readonly uid: string; readonly sha256: string }[],
  asked: unknown,
): ScanId {
  const sorted = instances.map(({ uid, sha256 }) => `${uid} ${sha256}`).sort();
  return `s-${digestOf([sorted, digestOf(asked)]).slice(0, 40)}`;
}

/** Name of the execution of one attempt: the scan id, with `-a<N>` behind it from the second attempt on. */
export function executionName(scanId: ScanId, attempt: number): string {
  return attempt === 1 ? scanId : `${scanId}-a${attempt}`;
}

/** The scan and the attempt that an execution's name tells; null for any other text. */
export function parseExecutionName(name: string): { readonly scanId: ScanId; readonly attempt: number | null } | null {
  const [, scanId, attempt] = /^(s-[0-9a-f]{40})(?:-a(\d{1,3}))?$/.exec(name) ?? [];
  return scanId === undefined ? null : { scanId, attempt: attempt === undefined ? null : Number(attempt) };
}

/** The kind of device that a network runs on: its rounding is part of the result. */
export const PROVIDERS = ["cpu", "cuda", "tensorrt"] as const;
export type Provider = (typeof PROVIDERS)[number];

/** What decides a result, and nothing else: no clock, no host, no name of a file. */
export interface ResultInputs {
  /** Digests of the source instances, sorted. */
  readonly instances: readonly string[];
  readonly modelDigests: readonly string[];
  readonly settings: unknown;
  readonly resultVersion: number;
  readonly provider: Provider;
}

/** The identity of a result. */
export function resultIdOf(inputs: ResultInputs): ResultId {
  return `r-${digestOf({ ...inputs, instances: [...inputs.instances].sort() }).slice(0, 40)}`;
}

/**
 * A DICOM UID that is a function of what it names: the same result gets the same UIDs on every run.
 *
 * 128 bits of SHA-256 as a decimal integer under the root 2.25, with the version and variant bits of a UUID
 * (DICOM PS3.5 B.2, ITU-T X.667).
 */
export function derivedUid(...parts: readonly string[]): string {
  return uidOfDigest(sha256(parts.join("\n")));
}

/** A UID under the root 2.25 of the first 128 bits of a digest in hex, as `derivedUid` says. */
export function uidOfDigest(digest: string): string {
  const bits = (BigInt(`0x${digest.slice(0, 32)}`) & ~(0xfn << 76n) & ~(0x3n << 62n)) | (0x8n << 76n) | (0x2n << 62n);
  return `2.25.${bits}`;
}
