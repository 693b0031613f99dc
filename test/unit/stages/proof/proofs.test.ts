import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { type NiftiToWrite, writeNifti } from "#src/formats/nifti-write.js";
import { writeRtStruct } from "#src/formats/rtstruct-write.js";
import type { SegLabels, SegOptions } from "#src/formats/seg-options.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { type Affine, composeAffine } from "#src/imaging/affine.js";
import { proveGrid } from "#src/stages/proof/prove-nifti.js";
import { proveRtStruct } from "#src/stages/proof/prove-rtstruct.js";
import { fractionalSamples, labelSamples, proveSeg } from "#src/stages/proof/prove-seg.js";
import { planesOfGrid, planesOfSource } from "#src/stages/proof/slice-planes.js";
import { PLANES, phantomSeries, uploadOf } from "../../../support/phantom-series.js";
import { segOptions } from "../../../support/seg-phantom.js";

type Labels = SegOptions & SegLabels;
const SIZE = [9, 8, 5] as const;
const [NX, NY, NZ] = SIZE;
const at = (x: number, y: number, z: number) => x + NX * (y + NY * z);

/** Labels whose every centroid is the middle of the grid, and which no mirror maps onto themselves. */
function centred(): Uint8Array {
  const data = new Uint8Array(NX * NY * NZ);
  // Pairs of voxels across the middle, of unlike places: counts and centroids stay when an axis is turned around.
  const pairs: [number, number, number][] = [
    [1, 1, 0],
    [2, 3, 1],
    [3, 0, 2],
    [0, 2, 1],
  ];
  for (const [x, y, z] of pairs) {
    data[at(x, y, z)] = 1;
    data[at(NX - 1 - x, NY - 1 - y, NZ - 1 - z)] = 1;
  }
  data[at(5, 5, 2)] = 7;
  data[at(6, 5, 2)] = 7;
  return data;
}

async function phantom(plane: keyof typeof PLANES = "oblique"): Promise<Labels> {
  const options = await segOptions(uploadOf(phantomSeries({ plane, size: SIZE })));
  return { ...options, labels: { ...options.labels, data: centred() } };
}

const flipped = (data: Uint8Array, axis: 0 | 1 | 2): Uint8Array =>
  data.map((_, i) => {
    const place: [number, number, number] = [i % NX, Math.floor(i / NX) % NY, Math.floor(i / (NX * NY))];
    place[axis] = SIZE[axis] - 1 - place[axis];
    return data[at(...place)] ?? 0;
  });

function moved(data: Uint8Array): Uint8Array {
  const out = data.slice();
  [out[at(5, 5, 2)], out[at(4, 5, 2)]] = [0, 7];
  return out;
}

const swapped = (data: Uint8Array): Uint8Array => data.map((label) => (label === 1 ? 7 : label === 7 ? 1 : 0));

/** What goes wrong with the voxels. */
const VOXEL_FAULTS: readonly [string, (data: Uint8Array) => Uint8Array][] = [
  ["left to right", (data) => flipped(data, 0)],
  ["front to back", (data) => flipped(data, 1)],
  ["slices in reverse", (data) => flipped(data, 2)],
  ["turned by half a turn", (data) => flipped(flipped(data, 0), 1)],
  ["two labels swapped", swapped],
  ["one voxel moved by one", moved],
  ["one voxel lost", (data) => data.with(at(5, 5, 2), 0)],
  ["one slice up", (data) => data.map((_, i) => data[i - NX * NY] ?? 0)],
];

/** What goes wrong with the places of frames and contours. */
function placeFaults({ source }: Labels): readonly [string, Partial<Labels["source"]>][] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = source.orientationLps;
  const slices = source.slices;
  const along = (n: number, mm: number) =>
    slices.map((slice) => ({
      ...slice,
      positionLps: slice.positionLps.map((v, axis) => (axis === n ? v + mm : v)) as never,
    }));
  return [
    ["rows and columns swapped", { orientationLps: [d, e, f, a, b, c] as never }],
    ["a row's direction turned", { orientationLps: [-a, -b, -c, d, e, f] as never }],
    ["slices placed in reverse", { slices: slices.toReversed() }],
    ["1 mm to the side", { slices: along(0, 1) }],
    ["1 mm up", { slices: along(2, 1) }],
    ["spacings swapped", { pixelSpacingMm: [source.pixelSpacingMm[1], source.pixelSpacingMm[0]] as never }],
    ["spacing 5 % too large", { pixelSpacingMm: source.pixelSpacingMm.map((mm) => mm * 1.05) as never }],
  ];
}

/** Of an image with its affine: what goes wrong with it. */
const AFFINE_FAULTS: readonly [string, Affine][] = [
  ["an axis turned around", [-1, 0, 0, NX - 1, 0, 1, 0, 0, 0, 0, 1, 0]],
  ["moved by a voxel", [1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0]],
  ["axes swapped", [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]],
  ["0.5 % longer", [1, 0, 0, 0, 0, 1.005, 0, 0, 0, 0, 1, 0]],
];

const refused = (run: () => void) => {
  expect(run).toThrow(PipelineError);
  expect(run).toThrow(/written (SEG|RTSTRUCT|label map)/);
};

describe.each(Object.keys(PLANES) as (keyof typeof PLANES)[])("the proofs on a %s series", (plane) => {
  const orders = { binary: [7, 1], labelmap: [1, 7] };

  it.each(["binary", "labelmap"] as const)("take a SEG as it was made (%s), and no other voxels", async (kind) => {
    const options = await phantom(plane);
    const planes = planesOfGrid(options.labels);
    const prove = (data: Uint8Array) => {
      const written = writeSeg({ ...options, kind, labels: { ...options.labels, data } });
      proveSeg(written, { order: orders[kind], planes, ...labelSamples(options.labels.data) });
    };
    prove(options.labels.data as Uint8Array);
    for (const [, fault] of VOXEL_FAULTS) refused(() => prove(fault(options.labels.data as Uint8Array)));
  });

  it("take no SEG in another place", async () => {
    const options = await phantom(plane);
    const planes = planesOfGrid(options.labels);
    for (const [, change] of placeFaults(options)) {
      const written = writeSeg({ ...options, source: { ...options.source, ...change } });
      refused(() => proveSeg(written, { order: [7, 1], planes, ...labelSamples(options.labels.data) }));
    }
  });

  it("take probabilities as they were made, and no others", async () => {
    const { source, segments, algorithm, identity, labels } = await phantom(plane);
    const planes = planesOfGrid(labels);
    const of = (value: number) => Float32Array.from(labels.data, (label, i) => (label === value ? 0.9 : (i % 5) / 50));
    const probabilities = new Map([7, 1].map((value) => [value, of(value)] as const));
    const write = (given: ReadonlyMap<number, Float32Array>) =>
      writeSeg({ kind: "fractional", size: labels.size, probabilities: given, source, segments, algorithm, identity });
    const expected = { order: [7, 1], planes, ...fractionalSamples(probabilities) };
    proveSeg(write(probabilities), expected);
    const turned = new Map([...probabilities].map(([value, p]) => [value, p.toReversed()] as const));
    const fainter = new Map([...probabilities].map(([value, p]) => [value, p.map((v) => v * 0.98)] as const));
    const other = new Map([7, 1].map((value) => [value, of(8 - value)] as const));
    for (const wrong of [turned, fainter, other]) refused(() => proveSeg(write(wrong), expected));
  });

  it("take an RTSTRUCT as it was made, and no other voxels or place", async () => {
    const options = await phantom(plane);
    const planes = planesOfGrid(options.labels);
    const truth = options.labels.data as Uint8Array;
    const prove = (changed: Labels) => proveRtStruct(writeRtStruct(changed), [7, 1], truth, planes);
    prove(options);
    for (const [, fault] of VOXEL_FAULTS) {
      expect(() => prove({ ...options, labels: { ...options.labels, data: fault(truth) } }), fault.toString()).toThrow(
        PipelineError,
      );
    }
    for (const [name, change] of placeFaults(options)) {
      const run = () => prove({ ...options, source: { ...options.source, ...change } });
      expect(run, name).toThrow(PipelineError);
    }
  });

  it("take a NIfTI file as it was made, and no other place", async () => {
    const { labels } = await phantom(plane);
    const data = labels.data as Uint8Array;
    const prove = (image: NiftiToWrite) => proveGrid(readNifti(writeNifti(image)), labels, "label map");
    prove({ ...labels, data });
    for (const [, change] of AFFINE_FAULTS) {
      refused(() => prove({ ...labels, data, affineRas: composeAffine(labels.affineRas, change) }));
    }
    refused(() => prove({ ...labels, size: [NX, NY, NZ - 1], data: data.slice(0, NX * NY * (NZ - 1)) }));
  });
});

describe("the proofs", () => {
  it("take a NIfTI file on a grid without spacing where it claims none, of the same size", () => {
    const data = centred();
    const affineRas: Affine = [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0];
    const grid = { size: SIZE, affineRas, spacingMm: null };
    const prove = (image: NiftiToWrite) => proveGrid(readNifti(writeNifti(image)), grid, "label map");
    prove({ ...grid, data });
    refused(() => prove({ ...grid, spacingMm: [1, 1, 1], data }));
    refused(() => prove({ ...grid, size: [NX, NY, NZ - 1], data: data.slice(0, NX * NY * (NZ - 1)) }));
  });

  it("find a structure among all that only counts and centroids would pass", async () => {
    const data = centred();
    for (const axis of [0, 1, 2] as const) {
      const other = flipped(data, axis);
      const place = (labels: Uint8Array) => {
        let [count, sx, sy, sz] = [0, 0, 0, 0];
        for (const [i, label] of labels.entries()) {
          if (label !== 1) continue;
          count++;
          sx += i % NX;
          sy += Math.floor(i / NX) % NY;
          sz += Math.floor(i / (NX * NY));
        }
        return [count, sx, sy, sz];
      };
      expect(place(other)).toEqual(place(data));
      expect(other).not.toEqual(data);
    }
  });

  it("take results on the slices of an uneven series, and none on the grid's", async () => {
    const options = await phantom();
    const uneven = options.source.slices.map((slice, k) => ({
      ...slice,
      positionLps: slice.positionLps.map((v, axis) => v + (axis === 2 ? k * k * 0.2 : 0)) as never,
    }));
    const source = { ...options.source, slices: uneven };
    const expected = { order: [7, 1], ...labelSamples(options.labels.data) };
    const written = writeSeg({ ...options, source });
    proveSeg(written, { ...expected, planes: planesOfSource(source, SIZE) });
    refused(() => proveSeg(written, { ...expected, planes: planesOfGrid(options.labels) }));
    proveRtStruct(writeRtStruct({ ...options, source }), [7, 1], options.labels.data, planesOfSource(source, SIZE));
  });

  it("name a SEG with too few segments", async () => {
    const options = await phantom();
    const expected = { planes: planesOfGrid(options.labels), ...labelSamples(options.labels.data) };
    expect(() => proveSeg(writeSeg(options), { ...expected, order: [7] })).toThrow("has 2 segments, expected 1");
  });
});
