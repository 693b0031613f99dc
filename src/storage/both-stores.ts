import { compareKeys } from "./compare-keys.js";
import type { ErasableStore, ObjectInfo } from "./scan-store.js";

/** Two stores seen as one: an object is that of the first store that has it. What is written goes to the first. */
export function bothStores(first: ErasableStore, second: ErasableStore): ErasableStore {
  const holding = async (key: string) => ((await first.head(key)) === null ? second : first);
  return {
    head: async (key, version) => (await first.head(key, version)) ?? second.head(key, version),
    get: async (key, range, version) => (await holding(key)).get(key, range, version),
    put: (key, body, options) => first.put(key, body, options),
    async *list(prefix) {
      const found = new Map<string, ObjectInfo>();
      for (const store of [second, first]) {
        for await (const info of store.list(prefix)) found.set(info.key, info);
      }
      yield* [...found.values()].sort((a, b) => compareKeys(a.key, b.key));
    },
    async delete(key) {
      await first.delete(key);
      await second.delete(key);
    },
    async *erase(prefix) {
      yield* first.erase(prefix);
      yield* second.erase(prefix);
    },
  };
}
