import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fuzz } from "../../support/fuzz/fuzz.js";
import { madeUpSeeds } from "../../support/fuzz/seeds.js";

it("ends in a typed error or an image for 1,500 damaged files, soon and in little memory", async () => {
  const seeds = await madeUpSeeds(await mkdtemp(join(tmpdir(), "fuzz-")));
  const { codes, findings } = await fuzz(seeds, 1500);
  expect(findings).toEqual([]);
  // The damage must be of the kind that readers meet: some files still read, many fail in several ways.
  expect(codes.read).toBeGreaterThan(50);
  expect(Object.keys(codes).length).toBeGreaterThan(4);
});
