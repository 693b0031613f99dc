import { PipelineError } from "#src/core/errors.js";
import { bytesOf } from "./body.js";
import { compareKeys } from "./compare-keys.js";
import { assertKey, type ErasableStore } from "./scan-store.js";

/** A store in memory: for tests, and for embedding the pipeline in a program. */
export function memoryStore(): ErasableStore {
  const objects = new Map<string, Uint8Array>();
  return {
    async head(key) {
      assertKey(key);
      const body = objects.get(key);
      return body === undefined ? null : { key, size: body.length };
    },
    async get(key, range) {
      assertKey(key);
      const body = objects.get(key);
      if (body === undefined)
        throw new PipelineError("StoreMissing", "object is not in the store, expected it to be there");
      // A copy: what a caller does to its bytes must not change the object.
      return body.slice(range?.start ?? 0, range?.end);
    },
    async put(key, body, options) {
      assertKey(key);
      const bytes = await bytesOf(body);
      if (options?.ifAbsent && objects.has(key)) return "exists";
      objects.set(key, bytes);
      return "written";
    },
    async *list(prefix) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys);
      for (const key of keys) {
        const body = objects.get(key);
        if (body !== undefined) yield { key, size: body.length };
      }
    },
    async delete(key) {
      assertKey(key);
      objects.delete(key);
    },
    async *erase(prefix) {
      for (const key of [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys)) {
        objects.delete(key);
        yield key;
      }
    },
  };
}
