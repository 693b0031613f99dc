import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { buildDicom, type DicomElements } from "../../support/dicom-builder.js";
import { phantomSlice, uploadOf } from "../../support/phantom-series.js";

const encode = (text: string) => new TextEncoder().encode(text);
const number = fc.oneof(
  fc.integer({ min: -3, max: 9 }).map(String),
  fc.constantFrom("1e9", "4294967296", "-0", "nan", "inf", "0.5", "1e-320", "2 3", "", "abc"),
);
const list = (least: number, most: number) =>
  fc.array(number, { minLength: least, maxLength: most }).map((of) => of.join(" "));

/** What a reader of one file does: an image whose voxels fit its size, or an error of the pipeline. */
async function outcomeOf(name: string, bytes: Uint8Array): Promise<"image" | "refused"> {
  const entries = uploadOf([{ name, bytes }]);
  try {
    const { scans } = await findScans(entries);
    for (const scan of scans) {
      const { volume } = await loadScan(scan, entries);
      const voxels = volume.size[0] * volume.size[1] * volume.size[2];
      expect(volume.data).toHaveLength(voxels);
      // Nothing grows by what a header claims.
      expect(voxels).toBeLessThanOrEqual(8 * bytes.length);
      expect(volume.affineRas.every(Number.isFinite)).toBe(true);
    }
    return "image";
  } catch (error) {
    expect(error).toBeInstanceOf(PipelineError);
    return "refused";
  }
}

/** Both must happen: a generator whose every file is refused tests nothing. */
async function both(name: string, files: fc.Arbitrary<Uint8Array>, numRuns: number): Promise<void> {
  const seen = { image: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(files, async (bytes) => {
      seen[await outcomeOf(name, bytes)]++;
    }),
    { numRuns, seed: 7 },
  );
  expect(Math.min(seen.image, seen.refused)).toBeGreaterThan(0);
}

/** Each line mostly as it should be, sometimes anything, sometimes not there. */
const line = (name: string, right: string, wrong: fc.Arbitrary<string>) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constant(`${name}${right}\n`) },
    { weight: 1, arbitrary: wrong.map((value) => `${name}${value}\n`) },
    { weight: 1, arbitrary: fc.constant("") },
  );

describe("a header of any content is read or refused by name", () => {
  it("NRRD", async () => {
    const lines = fc.tuple(
      line("type: ", "short", fc.constantFrom("double", "block", "uchar", "long long")),
      line("dimension: ", "3", number),
      line("sizes: ", "2 3 4", list(0, 5)),
      line("space: ", "left-posterior-superior", fc.constantFrom("RAS", "scanner-xyz", "mars")),
      line(
        "space directions: ",
        "(1,0,0) (0,1,0) (0,0,2)",
        list(1, 4).map((of) => `(${of.replaceAll(" ", ",")}) none`),
      ),
      line(
        "space origin: ",
        "(0,0,0)",
        list(1, 4).map((of) => `(${of.replaceAll(" ", ",")})`),
      ),
      line("encoding: ", "raw", fc.constantFrom("gzip", "ascii", "hex", "bz2", "raw ")),
      line("endian: ", "little", fc.constantFrom("big", "middle")),
    );
    const files = lines.map((of) => Uint8Array.from([...encode(`NRRD0004\n${of.join("")}\n`), ...new Uint8Array(48)]));
    await both("a.nrrd", files, 400);
  });

  it("MetaImage", async () => {
    const lines = fc.tuple(
      line("NDims = ", "3", number),
      line("DimSize = ", "2 3 4", list(0, 5)),
      line("ElementType = ", "MET_SHORT", fc.constantFrom("MET_DOUBLE", "MET_UCHAR", "MET_SHORT_ARRAY", "x")),
      line("ElementSpacing = ", "1 1 2", list(0, 5)),
      line("TransformMatrix = ", "1 0 0 0 1 0 0 0 1", list(7, 10)),
      line("Offset = ", "0 0 0", list(0, 4)),
      line("ElementByteOrderMSB = ", "False", fc.constantFrom("True", "maybe")),
      line("CompressedData = ", "False", fc.constantFrom("True", "?")),
    );
    const files = lines.map((of) =>
      Uint8Array.from([
        ...encode(`ObjectType = Image\n${of.join("")}ElementDataFile = LOCAL\n`),
        ...new Uint8Array(48),
      ]),
    );
    await both("a.mha", files, 400);
  });

  it("DICOM", async () => {
    const decimals = fc.array(fc.constantFrom("0", "1", "-1", "0.5", "1e30", "x", ""), { maxLength: 7 });
    const short = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(65_535, 4_096));
    const changes: Readonly<Record<string, readonly [string, fc.Arbitrary<readonly unknown[]>]>> = {
      "00280010": ["US", short.map((value) => [value])],
      "00280011": ["US", short.map((value) => [value])],
      "00280100": ["US", fc.constantFrom([1], [8], [12], [16], [32], [64])],
      "00280101": ["US", short.map((value) => [value])],
      "00280102": ["US", short.map((value) => [value])],
      "00280103": ["US", fc.constantFrom([0], [1], [2])],
      "00280002": ["US", fc.constantFrom([0], [1], [3])],
      "00280004": ["CS", fc.constantFrom(["MONOCHROME1"], ["RGB"], ["YBR_FULL_422"], ["PALETTE COLOR"], [])],
      "00280030": ["DS", decimals],
      "00200032": ["DS", decimals],
      "00200037": ["DS", decimals],
      "00281053": ["DS", decimals],
      "00280008": ["IS", fc.constantFrom(["0"], ["1"], ["2"], ["999999999"], ["-1"])],
    };
    const files = fc
      .subarray(Object.keys(changes), { maxLength: 2 })
      .chain((tags) =>
        fc.tuple(...tags.map((tag) => (changes[tag]?.[1] ?? fc.constant([])).map((Value) => ({ tag, Value })))),
      )
      .map((edits) => {
        const elements: DicomElements = phantomSlice({ size: [6, 5, 1] }, 0);
        for (const { tag, Value } of edits) elements[tag] = { vr: changes[tag]?.[0] ?? "LO", Value: [...Value] };
        return buildDicom(elements);
      });
    await both("a.dcm", files, 300);
  });
});
