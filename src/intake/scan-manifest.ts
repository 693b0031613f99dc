import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { RunRequest } from "#src/workflow/contract.js";

/** Beside the uploads of a folder: what is asked for, and how many files there will be. */
export const MANIFEST_NAME = "scan.json";
/** Beside the files of a folder, with any content: everything was uploaded. */
export const MARKER_NAME = "scan.complete";

/** `scan.json`: any field of a request, and the number of files that the folder is to hold. */
const ScanManifest = z.strictObject({ ...RunRequest.shape, count: z.int().min(1).max(20_000).optional() }).partial();

/** What a folder's `scan.json` says. */
export interface FolderRequest {
  readonly request: RunRequest;
  /** Files promised, without `scan.json` and `scan.complete`. */
  readonly promised: number | null;
  /** Why it cannot be used; the request is then the default. */
  readonly fault: string | null;
}

/** What may be asked for before any default. */
export type Asked = z.input<typeof RunRequest>;

/** @param asked what goes before `scan.json`: the options of a command */
export function parseManifest(bytes: Uint8Array, asked: Asked = {}): FolderRequest {
  const fallback = { request: RunRequest.parse(asked), promised: null };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return { ...fallback, fault: `${MANIFEST_NAME} is no JSON, expected an object` };
  }
  const manifest = ScanManifest.safeParse(value);
  if (!manifest.success) return { ...fallback, fault: describe(manifest.error) };
  const { count, ...fields } = manifest.data;
  const given = Object.fromEntries(Object.entries(asked).filter(([, field]) => field !== undefined));
  const request = RunRequest.safeParse({ ...fields, ...given });
  if (!request.success) return { ...fallback, fault: describe(request.error) };
  return { request: request.data, promised: count ?? null, fault: null };
}

/** The same of a folder in a store, whose key ends with a slash or is empty. */
export async function readManifest(store: ScanStore, folder: string): Promise<FolderRequest> {
  try {
    return parseManifest(await store.get(`${folder}${MANIFEST_NAME}`, { start: 0, end: MAX_BYTES }));
  } catch (error) {
    if (!(error instanceof PipelineError && error.code === "StoreMissing")) throw error;
    return { request: RunRequest.parse({}), promised: null, fault: null };
  }
}

/** No manifest is longer; of a longer one the rest is left out, and it is no JSON. */
const MAX_BYTES = 64 * 1024;

function describe({ issues: [issue] }: z.ZodError): string {
  // Names of unknown fields are whatever somebody wrote.
  if (issue?.code === "unrecognized_keys") return `${MANIFEST_NAME} has a field that is not known`;
  return `${MANIFEST_NAME}, field ${issue?.path.join(".") || "(root)"}: ${issue?.message}`;
}
