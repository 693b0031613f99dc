import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { expandUpload } from "#src/formats/upload.js";
import { SYNTAX, withoutPreamble } from "../../support/dicom-builder.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { type PhantomSeries, phantomSeries, uploadOf } from "../../support/phantom-series.js";

const oneFile = (options: PhantomSeries) =>
  phantomSeries({ ...options, size: [4, 4, 1] })[0]?.bytes ?? new Uint8Array();

async function openUpload(bytes: Uint8Array): Promise<void> {
  const entries = await expandUpload(uploadOf([{ name: "x.nii", bytes }]));
  const { scans } = await findScans(entries);
  for (const scan of scans) await loadScan(scan, entries);
}

describe("damaged input", () => {
  const nifti = [buildNifti({}), buildNifti({ version: 2, littleEndian: false }), gzipSync(buildNifti({}))];
  const syntaxes = [SYNTAX.explicitLittle, SYNTAX.implicitLittle, SYNTAX.explicitBig, SYNTAX.deflated];
  const dicom = [
    ...syntaxes.map((transferSyntax) => oneFile({ transferSyntax })),
    withoutPreamble(oneFile({ transferSyntax: SYNTAX.implicitLittle })),
    oneFile({ transferSyntax: SYNTAX.rle }),
  ];

  it.each([
    { name: "NIfTI files", seeds: nifti, open: async (bytes: Uint8Array) => void readNifti(bytes) },
    { name: "uploads of a NIfTI file", seeds: nifti, open: openUpload },
    { name: "uploads of a DICOM file", seeds: dicom, open: openUpload },
  ])("of 2,000 changed $name none ends in an untyped error", async ({ seeds, open }) => {
    await expectTyped(seeds, open, 2000);
  });

  it("of 1,000 changed archives none ends in an untyped error", async () => {
    const zip = new ZipFile();
    zip.addBuffer(Buffer.from("hello ".repeat(50)), "a.txt");
    zip.addBuffer(Buffer.from(nifti[0] ?? []), "b.nii");
    zip.end();
    const parts: Buffer[] = [];
    for await (const part of zip.outputStream) parts.push(Buffer.from(part));
    await expectTyped([Buffer.concat(parts)], openUpload, 1000);
  });

  it("of 1,000 changed segmentations none ends in an untyped error", async () => {
    const entries = uploadOf(phantomSeries());
    const [scan] = (await findScans(entries)).scans;
    const { volume, dicom: source } = await loadScan(scan ?? { format: "dicom", entries: [] }, entries);
    if (source === null) throw new Error("no DICOM source");
    const term = { value: "12738006", scheme: "SCT", meaning: "Brain" };
    const segments = [
      { value: 1, name: "a", displayName: "A", category: term, type: term, colourRgb: [1, 2, 3] as const },
    ];
    const labels = { ...volume, data: new Uint8Array(volume.data.length).fill(1) };
    const seg = writeSeg({ labels, source, segments, algorithm: { name: "n", version: "1" }, identity: "r-1" });
    await expectTyped([seg], async (bytes) => void readSegGeometry(bytes), 1000);
  });
});

/** Every way of opening a changed file is either a result or a `PipelineError`, and never `Internal`. */
async function expectTyped(seeds: readonly Uint8Array[], open: (bytes: Uint8Array) => Promise<void>, rounds: number) {
  const random = seeded(20_261_123);
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = mutated(seeds[random(seeds.length)] ?? new Uint8Array(), random);
    try {
      await open(bytes);
    } catch (error) {
      if (!(error instanceof PipelineError)) throw new Error(`round ${round} ended untyped`, { cause: error });
      refused++;
    }
  }
  // A fuzzer that changes nothing that matters would pass everything.
  expect(refused).toBeGreaterThan(rounds / 4);
}

function mutated(seed: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = Uint8Array.from(seed);
  for (let edits = 1 + random(8); edits > 0; edits--) {
    // Half of the changes go where headers are.
    const at = random(random(2) === 0 ? bytes.length + 1 : Math.min(bytes.length, 400) + 1);
    switch (random(6)) {
      case 0:
        bytes = bytes.slice(0, at);
        break;
      case 1:
        bytes.fill(random(256), at, at + 1);
        break;
      case 2:
        bytes.fill(random(2) * 255, at, at + 1 + random(4));
        break;
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at), 0, 0, 0, 0, ...bytes.subarray(at)]);
        break;
      case 4:
        bytes.copyWithin(at, random(bytes.length + 1), random(bytes.length + 1));
        break;
      default:
        bytes.fill((bytes[at] ?? 0) ^ (1 << random(8)), at, at + 1);
    }
  }
  return bytes;
}

/** Numerical Recipes' linear congruential generator: whole numbers below a limit. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
