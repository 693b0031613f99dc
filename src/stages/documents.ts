import type { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { canonicalJson } from "#src/core/ids.js";
import type { PutOptions, ScanStore } from "#src/storage/scan-store.js";

/**
 * A JSON document from a store, checked against its schema.
 *
 * @throws {PipelineError} `StoreMissing` when there is none, `ContractViolation` when it does not fit the schema
 */
export async function readDocument<T extends z.ZodType>(store: ScanStore, key: string, schema: T): Promise<z.infer<T>> {
  const text = new TextDecoder().decode(await store.get(key));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PipelineError("ContractViolation", `document of ${text.length} characters is not JSON`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PipelineError("ContractViolation", `document, field ${issue?.path.join(".")}: ${issue?.message}`);
}

/** Same, but null for a document that is not there or does not fit (an older schema, a damaged record). */
export async function readDocumentIfValid<T extends z.ZodType>(
  store: ScanStore,
  key: string,
  schema: T,
): Promise<z.infer<T> | null> {
  try {
    return await readDocument(store, key, schema);
  } catch (error) {
    const gone =
      error instanceof PipelineError && (error.code === "StoreMissing" || error.code === "ContractViolation");
    if (gone) return null;
    throw error;
  }
}

/** A value as the bytes of a document: sorted keys, a line break at the end, so that equal values are equal bytes. */
export function documentBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${canonicalJson(value)}\n`);
}

export async function writeDocument(
  store: ScanStore,
  key: string,
  value: unknown,
  options: PutOptions = {},
): Promise<"written" | "exists"> {
  return store.put(key, documentBytes(value), { contentType: "application/json", ...options });
}
