import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import type { ErasableStore, ScanStore } from "#src/storage/scan-store.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (body: Uint8Array) => new TextDecoder().decode(body);

/** Keys of a listing. */
export async function keysOf(store: ScanStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

/** A body that comes in pieces, and stops with an error when told to. */
async function* stream(pieces: readonly string[], failAtEnd = false): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield bytes(piece);
  if (failAtEnd) throw new TypeError("source broke off");
}

/** Every ScanStore passes the same cases, so a stage cannot tell which one it runs on. */
export function describeScanStore(name: string, create: () => Promise<ErasableStore>): void {
  describe(`${name} store`, () => {
    it("gives back what was put, whole and in ranges", async () => {
      const store = await create();
      expect(await store.put("a/b.bin", bytes("0123456789"))).toBe("written");
      expect(text(await store.get("a/b.bin"))).toBe("0123456789");
      expect(text(await store.get("a/b.bin", { start: 2, end: 5 }))).toBe("234");
      expect(text(await store.get("a/b.bin", { start: 8, end: 99 }))).toBe("89");
      expect(await store.get("a/b.bin", { start: 3, end: 3 })).toHaveLength(0);
      expect(await store.get("a/b.bin", { start: 50, end: 60 })).toHaveLength(0);
      expect(await store.head("a/b.bin")).toEqual({ key: "a/b.bin", size: 10 });
    });

    it("keeps an empty object", async () => {
      const store = await create();
      await store.put("empty", new Uint8Array());
      expect(await store.head("empty")).toEqual({ key: "empty", size: 0 });
      expect(await store.get("empty")).toHaveLength(0);
    });

    it("says StoreMissing for a key that is not there, without naming it", async () => {
      const store = await create();
      await store.put("there/x", bytes("x"));
      expect(await store.head("doe")).toBeNull();
      // A folder of objects is no object.
      expect(await store.head("there")).toBeNull();
      for (const range of [undefined, { start: 0, end: 4 }, { start: 2, end: 2 }]) {
        const missing = store.get("doe", range);
        await expect(missing).rejects.toMatchObject({ code: "StoreMissing" });
        await expect(missing).rejects.not.toThrow(/doe/);
      }
    });

    it("replaces an object, unless told to write only a new one", async () => {
      const store = await create();
      await store.put("k", bytes("first"));
      expect(await store.put("k", bytes("second"), { ifAbsent: true })).toBe("exists");
      expect(text(await store.get("k"))).toBe("first");
      expect(await store.put("k", bytes("third"))).toBe("written");
      expect(text(await store.get("k"))).toBe("third");
      expect(await store.put("new", bytes("n"), { ifAbsent: true })).toBe("written");
    });

    it("lets exactly one of many writers create an object, and its bytes are whole", async () => {
      const store = await create();
      const bodies = Array.from({ length: 8 }, (_, n) => String(n).repeat(5000));
      const answers = await Promise.all(bodies.map((body) => store.put("race", bytes(body), { ifAbsent: true })));
      expect(answers.filter((answer) => answer === "written")).toHaveLength(1);
      expect(text(await store.get("race"))).toBe(bodies[answers.indexOf("written")]);
    });

    it("writes a body that comes in pieces", async () => {
      const store = await create();
      await store.put("streamed", stream(["one ", "two ", "three"]));
      expect(text(await store.get("streamed"))).toBe("one two three");
      expect(await store.put("streamed", stream(["other"]), { ifAbsent: true })).toBe("exists");
      expect(text(await store.get("streamed"))).toBe("one two three");
    });

    it("leaves nothing half-written when a body breaks off", async () => {
      const store = await create();
      await store.put("old", bytes("old"));
      await expect(store.put("new", stream(["half"], true))).rejects.toThrow("source broke off");
      await expect(store.put("old", stream(["half"], true))).rejects.toThrow("source broke off");
      expect(await store.head("new")).toBeNull();
      expect(text(await store.get("old"))).toBe("old");
      expect(await keysOf(store, "")).toEqual(["old"]);
    });

    it("passes on what the source of a body says", async () => {
      const store = await create();
      async function* damaged() {
        yield bytes("half");
        throw new PipelineError("InputUnreadable", "entry 3 is damaged");
      }
      await expect(store.put("k", damaged())).rejects.toMatchObject({ code: "InputUnreadable" });
      expect(await store.head("k")).toBeNull();
    });

    it("lists by prefix in the order of UTF-8 bytes", async () => {
      const store = await create();
      // U+FF5E sorts before U+1F600 in UTF-8 and after it in UTF-16; "-" sorts before "/".
      const keys = ["a-b", "a/1", "a/10", "a/2", "a/\uff5e", "a/\u{1f600}", "ab"];
      for (const key of [...keys].reverse()) await store.put(key, bytes(key));
      expect(await keysOf(store, "")).toEqual(keys);
      expect(await keysOf(store, "a/1")).toEqual(["a/1", "a/10"]);
      expect(await keysOf(store, "a/")).toEqual(["a/1", "a/10", "a/2", "a/\uff5e", "a/\u{1f600}"]);
      for (const nothing of ["zzz/", "../", "a/../"]) expect(await keysOf(store, nothing)).toEqual([]);
    });

    it("lists more objects than fit on a page", async () => {
      const store = await create();
      const keys = Array.from({ length: 1005 }, (_, n) => `many/${String(n).padStart(4, "0")}`);
      for (let n = 0; n < keys.length; n += 50) {
        await Promise.all(keys.slice(n, n + 50).map((key) => store.put(key, bytes("x"))));
      }
      expect(await keysOf(store, "many/")).toEqual(keys);
    }, 60_000);

    it("deletes, and finds nothing wrong in deleting again", async () => {
      const store = await create();
      await store.put("gone", bytes("x"));
      await store.delete("gone");
      await store.delete("gone");
      expect(await store.head("gone")).toBeNull();
    });

    it("erases what starts with a prefix, names it, and finds nothing wrong in erasing again", async () => {
      const store = await create();
      const erase = async (prefix: string) => {
        const keys: string[] = [];
        for await (const key of store.erase(prefix)) keys.push(key);
        return keys;
      };
      for (const key of ["a/1", "a/2/x", "a/2/y", "ab", "b"]) await store.put(key, bytes(key));
      expect(await erase("a/")).toEqual(["a/1", "a/2/x", "a/2/y"]);
      expect(await keysOf(store, "")).toEqual(["ab", "b"]);
      expect(await erase("a/")).toEqual([]);
      for (const nothing of ["../", "a/../"]) expect(await erase(nothing)).toEqual([]);
      expect(await erase("b")).toEqual(["b"]);
      expect(await keysOf(store, "")).toEqual(["ab"]);
    });

    it("is not changed through the bytes it was given or gave", async () => {
      const store = await create();
      const body = bytes("abc");
      await store.put("k", body);
      body.fill(0);
      (await store.get("k")).fill(0);
      expect(text(await store.get("k"))).toBe("abc");
    });

    for (const key of ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a\\b", "a\0b", "x".repeat(1025)]) {
      it(`refuses the key ${JSON.stringify(key.slice(0, 12))}`, async () => {
        const store = await create();
        await expect(store.put(key, bytes("x"))).rejects.toThrow(RangeError);
        await expect(store.get(key)).rejects.toThrow(RangeError);
        await expect(store.head(key)).rejects.toThrow(RangeError);
        await expect(store.delete(key)).rejects.toThrow(RangeError);
      });
    }
  });
}
