import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { unpackedBytes } from "#src/cli/unpacked-size.js";

it("is what gzip files unpack to and what others have, and unknown of archives", async () => {
  const root = await mkdtemp(join(tmpdir(), "unpacked-"));
  const packed = gzipSync(Buffer.alloc(1_000_000));
  await writeFile(join(root, "a.nii.gz"), packed);
  const volume = { key: "a.nii.gz", size: packed.length };
  expect(packed.length).toBeLessThan(10_000);
  expect(await unpackedBytes(root, [volume, { key: "b.dcm", size: 5 }])).toBe(1_000_005);
  expect(await unpackedBytes(root, [volume, { key: "c.ZIP", size: 5 }])).toBe(Number.POSITIVE_INFINITY);
});
