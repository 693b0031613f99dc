import { createHash } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestOfFile, HeldFile } from "#src/local/held-file.js";
import { takeIn } from "#src/local/take-in.js";
import { memoryStore } from "#src/storage/memory-store.js";

const PART = 2 ** 23;

describe("digestOfFile", () => {
  it.each([0, 1, PART, PART + 1, 3 * PART - 1])("is that of all of its %i bytes, kept or not", async (length) => {
    const bytes = Buffer.alloc(length, "many parts, each of its own ");
    const path = join(await mkdtemp(join(tmpdir(), "digest-")), "file");
    await writeFile(path, bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect(await digestOfFile(path, false)).toEqual({ sha256, bytes: null });
    const held = await digestOfFile(path, true);
    expect([held.sha256, held.bytes !== null && bytes.equals(held.bytes)]).toEqual([sha256, true]);
  });
});

describe("HeldFile", () => {
  it("gives its bytes to the two stages that read it, and leaves all else to the store", async () => {
    const store = memoryStore();
    await store.put("a.nii.gz", Uint8Array.of(1, 2, 3));
    await store.put("b.nii.gz", Uint8Array.of(4));
    const over = new HeldFile("a.nii.gz", Uint8Array.of(7, 8, 9)).over(store);
    expect(await over.get("b.nii.gz")).toEqual(Uint8Array.of(4));
    for (let stage = 0; stage < 2; stage++) {
      expect(await over.get("a.nii.gz", { start: 1, end: 9 })).toEqual(Uint8Array.of(8, 9));
      expect(await over.get("a.nii.gz")).toEqual(Uint8Array.of(7, 8, 9));
    }
    expect(await over.get("a.nii.gz")).toEqual(Uint8Array.of(1, 2, 3));
    expect(await over.get("a.nii.gz", { start: 1, end: 9 })).toEqual(Uint8Array.of(2, 3));
  });

  it("gives nothing any more once it was let go", async () => {
    const store = memoryStore();
    await store.put("a.nii.gz", Uint8Array.of(1));
    const held = new HeldFile("a.nii.gz", Uint8Array.of(7));
    held.letGo();
    expect(await held.over(store).get("a.nii.gz")).toEqual(Uint8Array.of(1));
  });

  it("is a packed file that is taken in alone", async () => {
    const root = await mkdtemp(join(tmpdir(), "held-"));
    await writeFile(join(root, "a.nii.gz"), "packed");
    expect((await takeIn(root, {})).held?.key).toBe("a.nii.gz");
    await writeFile(join(root, "b.nii.gz"), "another");
    expect((await takeIn(root, {})).held).toBeUndefined();
    await writeFile(join(root, "c.nii"), "plain");
    expect((await takeIn(join(root, "c.nii"), {})).held).toBeUndefined();
  });
});
