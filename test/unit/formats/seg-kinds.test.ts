import { data as dcmjs } from "dcmjs";
import dicomParser, { type DataSet } from "dicom-parser";
import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import type { SegOptions, SegProbabilities } from "#src/formats/seg-options.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { enhancedFile } from "../../support/dicom-shapes.js";
import { mutate } from "../../support/fuzz/mutate.js";
import { PLANES, phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { labelPlace, SEGMENTS, segOptions } from "../../support/seg-phantom.js";

type Labelled = Awaited<ReturnType<typeof segOptions>>;

async function phantom(plane: keyof typeof PLANES = "oblique"): Promise<Labelled> {
  return segOptions(uploadOf(phantomSeries({ plane, size: [7, 6, 5] })));
}

/** Probabilities of which exactly the labels' voxels are at 0.5 or more, and those of the last slice at 0. */
function fractional({ labels, ...common }: Labelled, inside = 0.5, outside = 0.4999): SegOptions & SegProbabilities {
  const [nx, ny, nz] = labels.size;
  const of = (value: number) =>
    Float32Array.from(labels.data, (label, i) => {
      if (label === value) return inside;
      return i >= nx * ny * (nz - 1) ? 0 : outside;
    });
  const probabilities = new Map(common.segments.map(({ value }) => [value, of(value)]));
  return { ...common, kind: "fractional", size: labels.size, probabilities };
}

describe("writeSeg as LABELMAP", () => {
  it.each(Object.keys(PLANES) as (keyof typeof PLANES)[])("puts segments of a %s series in place", async (plane) => {
    const options = await phantom(plane);
    const found = readSegGeometry(writeSeg({ ...options, kind: "labelmap" }));
    expectPlaces(found, options, [1, 7]);
    expect(found.map(({ number }) => number)).toEqual([1, 7]);
  });

  it("is one RLE frame a slice whose pixels are label values, 0 padding", async () => {
    const dataSet = parsed({ ...(await phantom()), kind: "labelmap" });
    expect(dataSet.string("x00020010")).toBe("1.2.840.10008.1.2.5");
    expect(dataSet.string("x00080016")).toBe("1.2.840.10008.5.1.4.1.1.66.7");
    expect(dataSet.string("x00620001")).toBe("LABELMAP");
    expect([dataSet.intString("x00280008"), dataSet.uint16("x00280100"), dataSet.uint16("x00280120")]).toEqual([
      5, 8, 0,
    ]);
    const { fragments, basicOffsetTable } = dataSet.elements.x7fe00010 ?? {};
    expect(fragments?.map(({ offset }) => offset)).toEqual(basicOffsetTable);
    expect(fragments).toHaveLength(5);
    expect(items(dataSet, "x52009230").some((frame) => "x0062000a" in frame.elements)).toBe(false);
    expect(items(dataSet, "x00209222")).toHaveLength(1);
    const segments = items(dataSet, "x00620002");
    expect(segments.map((segment) => segment.uint16("x00620004"))).toEqual([0, 7, 1]);
    expect(segments.map((segment) => segment.string("x00620005"))).toEqual(["Background", "Left hippocampus", "Brain"]);
    expect(segments.map((segment) => "x00620007" in segment.elements)).toEqual([false, true, true]);
  });

  it("takes 16 bits where a label is above 255", async () => {
    const options = await phantom();
    const labels = { ...options.labels, data: Uint16Array.from(options.labels.data, (label) => label * 300) };
    const segments = SEGMENTS.map((segment) => ({ ...segment, value: segment.value * 300 }));
    const wide: Labelled = { ...options, labels, segments, kind: "labelmap" };
    expect(parsed(wide).uint16("x00280100")).toBe(16);
    expectPlaces(readSegGeometry(writeSeg(wide)), wide, [300, 2100]);
    const small = Uint16Array.from(options.labels.data);
    const narrow: Labelled = { ...options, kind: "labelmap", labels: { ...options.labels, data: small } };
    expect(writeSeg(narrow)).toEqual(writeSeg({ ...options, kind: "labelmap" }));
  });

  it("refuses a label without a segment", async () => {
    const options = await phantom();
    expect(() => writeSeg({ ...options, kind: "labelmap", segments: SEGMENTS.slice(0, 1) })).toThrow(/label 1 has no/);
  });
});

describe("writeSeg as FRACTIONAL", () => {
  it("holds probabilities in 255 steps, and reads back those of a half and more", async () => {
    const options = await phantom();
    const seg = fractional(options);
    expectPlaces(readSegGeometry(writeSeg(seg)), options, [7, 1]);
    const dataSet = parsed(seg);
    expect(dataSet.string("x00620010")).toBe("PROBABILITY");
    expect([dataSet.uint16("x0062000e"), dataSet.uint16("x00280100")]).toEqual([255, 8]);
    expect(new Set(pixelsOf(dataSet))).toEqual(new Set([0, 127, 128]));
    expect(new Set(pixelsOf(parsed(fractional(options, 7, -1))))).toEqual(new Set([0, 255]));
  });

  it("leaves empty frames out, but for one where all are empty", async () => {
    const options = await phantom();
    const frames = (seg: SegOptions) =>
      items(parsed(seg), "x52009230").map((frame) => {
        const content = items(frame, "x00209111")[0];
        return [content?.uint32("x00209157", 0), content?.uint32("x00209157", 1)];
      });
    // Hippocampus lies in the third slice, the brain in all but the first.
    expect(frames(fractional(options, 1, 0))).toEqual([
      [1, 3],
      [2, 2],
      [2, 3],
      [2, 4],
      [2, 5],
    ]);
    expect(frames(fractional(options, 0, 0))).toEqual([[1, 1]]);
    expect(readSegGeometry(writeSeg(fractional(options, 0, 0))).map(({ voxels }) => voxels)).toEqual([0, 0]);
  });

  it("refuses segments without probabilities, or with too few", async () => {
    const seg = fractional(await phantom());
    expect(() => writeSeg({ ...seg, probabilities: new Map() })).toThrow(/label 7 must have 210 probabilities, got 0/);
    const size = [7, 3, 5] as const;
    expect(() => writeSeg({ ...seg, size })).toThrow(RangeError);
  });
});

describe("writeSeg in every kind", () => {
  it("gives the same bytes each time, and each kind its own UIDs", async () => {
    const options = await phantom();
    const kinds: SegOptions[] = [options, { ...options, kind: "labelmap" }, fractional(options)];
    for (const one of kinds) expect(writeSeg(one)).toEqual(writeSeg(one));
    expect(writeSeg({ ...options, kind: "binary" })).toEqual(writeSeg(options));
    for (const tag of ["x00080018", "x0020000e"]) {
      expect(new Set(kinds.map((one) => parsed(one).string(tag))).size).toBe(3);
    }
  });

  it("names source frames, and an instance of several of them once in the series", async () => {
    const options = await phantom();
    const slices = options.source.slices.map((slice, k) => ({ ...slice, sopInstanceUid: "1.2.3", frame: 5 - k }));
    for (const kind of ["binary", "labelmap"] as const) {
      const dataSet = parsed({ ...options, kind, source: { ...options.source, slices } });
      const series = items(dataSet, "x00081115").flatMap((one) => items(one, "x0008114a"));
      expect(series.map((one) => one.string("x00081155"))).toEqual(["1.2.3"]);
      const sources = items(dataSet, "x52009230").map((frame) => sourceOf(frame)?.intString("x00081160"));
      expect(sources.slice(0, 5)).toEqual([5, 4, 3, 2, 1]);
    }
    const plain = items(parsed(options), "x52009230").map((frame) => sourceOf(frame)?.elements.x00081160);
    expect(new Set(plain)).toEqual(new Set([undefined]));
  });

  it.each(["binary", "labelmap"] as const)(
    "puts a %s of an enhanced object's shuffled frames in place",
    async (kind) => {
      const order = [3, 0, 4, 2, 1];
      const bytes = enhancedFile(
        { plane: "oblique", size: [7, 6, 5] },
        order.map((k) => ({ k })),
      );
      const options = await segOptions(uploadOf([{ name: "x", bytes }]));
      const seg = { ...options, kind };
      expectPlaces(readSegGeometry(writeSeg(seg)), options, kind === "binary" ? [7, 1] : [1, 7]);
      // Frames of the phantom count along the normal or against it, as the volume's slices do.
      const frames = items(parsed(seg), "x52009230").map((frame) => sourceOf(frame)?.intString("x00081160") ?? 0);
      const shown = frames.slice(0, 5).map((frame) => order[frame - 1]);
      expect([shown, shown.toReversed()]).toContainEqual([0, 1, 2, 3, 4]);
      const series = items(parsed(seg), "x00081115").flatMap((one) => items(one, "x0008114a"));
      expect(series).toHaveLength(1);
    },
  );

  it("says Artificial Intelligence of a network, and of nothing else", async () => {
    const options = await phantom();
    const families = (seg: SegOptions) =>
      items(parsed(seg), "x00620002").flatMap((segment) =>
        items(segment, "x00620007").flatMap((one) => items(one, "x0066002f").map((code) => code.string("x00080100"))),
      );
    expect(families(options)).toEqual(["123110", "123110"]);
    const classical = { ...options, algorithm: { ...options.algorithm, isNetwork: false } };
    expect(families(classical)).toEqual([]);
    expect(items(parsed(classical), "x00620002").map((one) => one.string("x00620009"))).toEqual([
      "phantom-net",
      "phantom-net",
    ]);
  });

  it("puts laterality into the type's modifier", async () => {
    const [left, brain] = items(parsed(await phantom()), "x00620002").map((one) => items(one, "x0062000f")[0]);
    expect(left && items(left, "x00620011").map((code) => code.string("x00080100"))).toEqual(["7771000"]);
    expect(brain && "x00620011" in brain.elements).toBe(false);
  });

  it("is read by dcmjs", async () => {
    const options = await phantom();
    for (const [seg, frames] of [
      [options, 10],
      [{ ...options, kind: "labelmap" }, 5],
      [fractional(options), 9],
    ] as const) {
      const bytes = writeSeg(seg);
      const read = dcmjs.DicomMessage.readFile(new Uint8Array(bytes).buffer);
      const { NumberOfFrames, SegmentSequence, PerFrameFunctionalGroupsSequence, PixelData } =
        dcmjs.DicomMetaDictionary.naturalizeDataset(read.dict);
      expect([NumberOfFrames, PerFrameFunctionalGroupsSequence.length]).toEqual([frames, frames]);
      expect(SegmentSequence.at(-1)?.SegmentLabel).toBe("Brain");
      expect(PixelData.length).toBe(seg.kind === "labelmap" ? frames : 1);
    }
  });
});

describe("readSegGeometry of other writers", () => {
  it("refuses bits, fragments and transfer syntaxes that do not fit", async () => {
    const options = await phantom();
    const map = writeSeg({ ...options, kind: "labelmap" });
    const fails = (bytes: Uint8Array, message: RegExp) =>
      expect(() => readSegGeometry(bytes)).toThrow(
        expect.objectContaining({ code: "ResultInvalid", message: expect.stringMatching(message) }),
      );
    fails(edited(map, "x00280100", [12, 0]), /12 bits/);
    fails(edited(map, "x00020010", [...Buffer.from("1.2.840.10008.1.2.9")]), /transfer syntax/);
    fails(edited(map, "x00620001", [...Buffer.from("HEIGHTXX")]), /no known type/);
    fails(edited(map, "x00280011", [8, 0]), /cannot be parsed/);
    fails(writeSegWithoutSegment(map), /does not list/);
  });

  it("ends in a typed error, if any, for 1,000 damaged objects", async () => {
    const options = await phantom();
    const seeds = [writeSeg({ ...options, kind: "labelmap" }), writeSeg(fractional(options))];
    let refused = 0;
    for (let n = 0; n < 1000; n++) {
      const [seed = new Uint8Array(), donor = new Uint8Array()] = n % 2 === 0 ? seeds : seeds.toReversed();
      try {
        readSegGeometry(mutate(seed, donor, n));
      } catch (error) {
        if (!(error instanceof PipelineError)) throw new Error(`round ${n} ended untyped`, { cause: error });
        expect(error.code).toBe("ResultInvalid");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(250);
  });
});

/** The map with segment number 7 renamed to 9: its pixels have no segment then. */
function writeSegWithoutSegment(map: Uint8Array): Uint8Array {
  const segment = items(dicomParser.parseDicom(map), "x00620002")[1];
  const at = segment?.elements.x00620004?.dataOffset ?? 0;
  const changed = Uint8Array.from(map);
  changed[at] = 9;
  return changed;
}

function edited(bytes: Uint8Array, tag: string, value: readonly number[]): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed.set(value, dicomParser.parseDicom(bytes).elements[tag]?.dataOffset ?? 0);
  return changed;
}

function expectPlaces(
  found: ReturnType<typeof readSegGeometry>,
  { labels }: Labelled,
  values: readonly number[],
): void {
  expect(found).toHaveLength(values.length);
  for (const [s, { voxels, centroidRasMm, volumeMm3 }] of found.entries()) {
    const expected = labelPlace(labels, values[s] ?? 0);
    expect(voxels).toBe(expected.voxels);
    for (const axis of [0, 1, 2]) expect(centroidRasMm?.[axis]).toBeCloseTo(expected.centroid[axis] ?? 0, 4);
    expect(volumeMm3).toBeCloseTo(voxels * 0.75 * 1.25 * 3, 4);
  }
}

function parsed(options: SegOptions): DataSet {
  return dicomParser.parseDicom(writeSeg(options));
}

function items(dataSet: DataSet, tag: string): DataSet[] {
  return (dataSet.elements[tag]?.items ?? []).flatMap(({ dataSet: own }) => (own === undefined ? [] : [own]));
}

function sourceOf(frame: DataSet): DataSet | undefined {
  return items(frame, "x00089124").flatMap((derivation) => items(derivation, "x00082112"))[0];
}

/** Pixel bytes without the padding to an even length. */
function pixelsOf(dataSet: DataSet): Uint8Array {
  const { dataOffset = 0 } = dataSet.elements.x7fe00010 ?? {};
  const count = (dataSet.intString("x00280008") ?? 0) * 42;
  return dataSet.byteArray.subarray(dataOffset, dataOffset + count);
}
