import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { fuzz } from "../support/fuzz/fuzz.js";
import { madeUpSeeds, seedsBelow } from "../support/fuzz/seeds.js";

const DATA = process.env.SCANLANE_SHARED_DATA ?? resolve(import.meta.dirname, "../../../shared/data");
const MUTATIONS = Number(process.env.SCANLANE_FUZZ_COUNT ?? 200_000);
const FROM = Number(process.env.SCANLANE_FUZZ_FROM ?? 0);

it(`ends in a typed error or an image for ${MUTATIONS} damaged files`, { timeout: 3_600_000 }, async () => {
  const folders = ["dicom-scans", "dicom-transfer-syntaxes", "dicom-seg", "volume-formats", "dsb2018-nuclei/fluo256"];
  const real = await Promise.all(folders.map((folder) => seedsBelow(join(DATA, folder), 60_000)));
  // Nuclei are one kind of file many times over.
  const kinds = real.map((paths, n) => (n === folders.length - 1 ? paths.slice(0, 30) : paths));
  const seeds = [...(await madeUpSeeds(await mkdtemp(join(tmpdir(), "fuzz-")))), ...kinds.flat()];
  const { codes, findings } = await fuzz(seeds, MUTATIONS, FROM);
  process.stdout.write(`${seeds.length} seeds, ${JSON.stringify(codes)}\n`);
  expect(findings).toEqual([]);
});
