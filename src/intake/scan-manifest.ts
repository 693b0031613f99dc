import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { RunRequest, SHARES, type SourceDocument } from "#src/workflow/contract.js";
import type { UploadRule } from "#src/workflow/upload-rules.js";

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
  /** Why it cannot be used or may not be done; the request is then the default. */
  readonly fault: NonNullable<SourceDocument["refused"]> | null;
  /** Whether a more urgent share was asked for than the folder may have. */
  readonly isLowered?: boolean;
}

/** What may be asked for before any default. */
export type Asked = z.input<typeof RunRequest>;

/**
 * @param asked what goes before `scan.json`: the options of a command
 * @param otherwise what holds where it says nothing
 */
export function parseManifest(bytes: Uint8Array, asked: Asked = {}, otherwise: Asked = {}): FolderRequest {
  const fallback = { request: RunRequest.parse({ ...otherwise, ...asked }), promised: null };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return { ...fallback, fault: unreadable(`${MANIFEST_NAME} is no JSON, expected an object`) };
  }
  const manifest = ScanManifest.safeParse(value);
  if (!manifest.success) return { ...fallback, fault: unreadable(describe(manifest.error)) };
  const { count, ...fields } = manifest.data;
  const given = Object.fromEntries(Object.entries(asked).filter(([, field]) => field !== undefined));
  const request = RunRequest.safeParse({ ...otherwise, ...fields, ...given });
  if (!request.success) return { ...fallback, fault: unreadable(describe(request.error)) };
  return { request: request.data, promised: count ?? null, fault: null };
}

/**
 * The same of a folder in a store, whose key ends with a slash or is empty.
 *
 * @param rule what the folder's uploads get, and what they may ask for
 * @param asked what an operator asks for: it goes before `scan.json`, and the rule is not for it
 */
export async function readManifest(
  store: ScanStore,
  folder: string,
  rule: UploadRule,
  asked: Asked = {},
): Promise<FolderRequest> {
  const otherwise: Asked = { share: rule.share, ...(rule.model === undefined ? {} : { model: rule.model }) };
  try {
    const bytes = await store.get(`${folder}${MANIFEST_NAME}`, { start: 0, end: MAX_BYTES });
    return within(rule, parseManifest(bytes, asked, otherwise), asked);
  } catch (error) {
    if (!(error instanceof PipelineError && error.code === "StoreMissing")) throw error;
    return { request: RunRequest.parse({ ...otherwise, ...asked }), promised: null, fault: null };
  }
}

/** Why files that are all there are, and no more are waited for, are set aside: nothing where they are not. */
export function refusalOf({ fault, promised }: FolderRequest, files: number): SourceDocument["refused"] {
  if (fault !== null) return fault;
  if (promised === null || files >= promised) return undefined;
  const message = `folder holds ${files} of the ${promised} files that its ${MANIFEST_NAME} promises`;
  return { code: "SeriesIncomplete", message };
}

/**
 * What was asked for as far as it is allowed. A share that is too urgent is lowered: it changes no result, and a scan
 * that comes later is better than none. Another model or output would be another result than was asked for.
 */
function within(rule: UploadRule, said: FolderRequest, asked: Asked): FolderRequest {
  const { request } = said;
  const share = SHARES[Math.max(SHARES.indexOf(request.share), SHARES.indexOf(rule.share))] ?? rule.share;
  const lowered = { ...said, request: { ...request, share }, isLowered: share !== request.share };
  const { model } = request;
  const isGiven = model === undefined || model === rule.model || model === asked.model;
  const isKnown = isGiven || rule.models === "any" || rule.models.includes(model);
  const output = request.outputs?.find((one) => !rule.outputs.includes(one));
  const denied = !isKnown ? "a model" : output === undefined ? null : `the output ${output}`;
  if (denied === null || said.fault !== null) return lowered;
  // A model's name is whatever somebody wrote.
  const message = `${MANIFEST_NAME} asks for ${denied} that this folder may not ask for`;
  return { ...lowered, fault: { code: "RequestDenied", message } };
}

/** No manifest is longer; of a longer one the rest is left out, and it is no JSON. */
const MAX_BYTES = 64 * 1024;

function describe({ issues: [issue] }: z.ZodError): string {
  if (issue?.code === "unrecognized_keys") {
    // Names of unknown fields are whatever somebody wrote, and the record of it is shown without names.
    const known = Object.keys(ScanManifest.shape).join(", ");
    return `${MANIFEST_NAME} has a field that is not known, expected of these: ${known}`;
  }
  return `${MANIFEST_NAME}, field ${issue?.path.join(".") || "(root)"}: ${issue?.message}`;
}

function unreadable(message: string): FolderRequest["fault"] {
  return { code: "InputUnreadable", message };
}
