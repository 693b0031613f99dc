import { describe, expect, it } from "vitest";
import { type Affine, applyAffine, type Vec3 } from "#src/imaging/affine.js";
import type { Grid } from "#src/imaging/volume.js";
import { type NetworkGrid, planNetworkGrid, toNetworkGrid } from "#src/inference/network-grid.js";
import { SourceGridExport } from "#src/inference/to-source-grid.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { brightManifest, brightNetwork } from "../../support/tiny-models.js";

const manifest = brightManifest(brightNetwork());

/** A sagittal grid: x runs to the feet, y to the front, z to the left, 1 x 2 x 3 mm. */
const sagittal: Grid = {
  size: [6, 5, 4],
  affineRas: [0, 0, -3, 40, 0, 2, 0, -20, -1, 0, 0, 70],
  spacingMm: [1, 2, 3],
};

/** Each voxel's value is a linear function of where it lies in the patient. */
function positions(grid: Grid): Float32Array {
  const [nx, ny, nz] = grid.size;
  const out = new Float32Array(nx * ny * nz);
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++) for (let x = 0; x < nx; x++) out[i++] = linear(applyAffine(grid.affineRas, [x, y, z]));
  return out;
}
const linear = ([r, a, s]: Vec3) => 100 * r + 10 * a + s;

describe("toNetworkGrid", () => {
  it("turns axes without moving anything in the patient", () => {
    const { grid, input } = toNetworkGrid([positions(sagittal)], sagittal, manifest);
    expect(grid.size).toEqual([4, 5, 6]);
    expect(input.channels[0]).toEqual(positions({ ...sagittal, size: grid.size, affineRas: grid.affineRas }));
  });

  it("takes whole numbers as they are, with the same result, and frees what it may", () => {
    const whole = Int16Array.from(positions(sagittal));
    const floats = Float32Array.from(whole);
    for (const changes of [
      {},
      { crop: "nonzero" as const },
      { orientation: "source" as const },
      { orientation: "source" as const, spacingMm: [null, null, null] as [null, null, null] },
      { normaliseOn: "network" as const, spacingMm: [2, 1, 1] as [number, number, number] },
      {
        spacingMm: [2, 1, 1.5] as [number, number, number],
        resampling: { ...manifest.resampling, imageOrder: 3 as const },
      },
    ]) {
      const model = { ...manifest, ...changes };
      const expected = toNetworkGrid([floats], sagittal, model);
      expect(toNetworkGrid([whole], sagittal, model)).toEqual(expected);
      expect([whole.length, floats.length]).toEqual([120, 120]);
      for (const channel of [whole.slice(), floats.slice()]) {
        expect(toNetworkGrid([channel], sagittal, model, undefined, true)).toEqual(expected);
        expect(channel.length).toBe(0);
      }
    }
  });

  it("keeps positions when it resamples: linear values stay linear away from the edge", () => {
    const fine = { ...manifest, spacingMm: [1.5, 1, 1] as [number, number, number] };
    const { grid, input } = toNetworkGrid([positions(sagittal)], sagittal, fine);
    expect(grid.size).toEqual([8, 10, 6]);
    const i = 3 + 8 * (4 + 10 * 2);
    expect(input.channels[0]?.[i]).toBeCloseTo(linear(applyAffine(grid.affineRas, [3, 4, 2])), 3);
  });

  it("crops to the non-zero voxels where the manifest says so", () => {
    const data = new Float32Array(120);
    data[1 + 6 * (2 + 5 * 3)] = 7;
    const { grid, input } = toNetworkGrid([data], sagittal, { ...manifest, crop: "nonzero" });
    expect(grid.size).toEqual([1, 1, 1]);
    expect(applyAffine(grid.affineRas, [0, 0, 0])).toEqual(applyAffine(sagittal.affineRas, [1, 2, 3]));
    expect([...(input.channels[0] ?? [])]).toEqual([7]);
  });

  it("takes an image without spacing for a model that asks for none, and refuses it for one that does", () => {
    const bare = { ...sagittal, spacingMm: null };
    expect(toNetworkGrid([new Float32Array(120)], bare, manifest).grid.size).toEqual([4, 5, 6]);
    const inMm = { ...manifest, spacingMm: [1, 1, 1] as [number, number, number] };
    const plan = () => toNetworkGrid([new Float32Array(120)], bare, inMm);
    expect(plan).toThrow(expect.objectContaining({ code: "InputMismatch" }));
  });

  it("leaves voxels as they are stored where the manifest says so, its axes in the order it names", () => {
    const data = positions(sagittal);
    const asStored = { ...manifest, orientation: "source" as const };
    expect(toNetworkGrid([data], sagittal, asStored).input.channels[0]).toEqual(data);
    const { grid, input } = toNetworkGrid([data], sagittal, { ...asStored, axes: ["z", "x", "y"] });
    expect(grid.size).toEqual([4, 6, 5]);
    expect(input.channels[0]).toEqual(positions({ ...sagittal, size: grid.size, affineRas: grid.affineRas }));
  });

  it("resamples a coarse axis apart from the others where the manifest says so", () => {
    const thick: Grid = { ...sagittal, spacingMm: [1, 2, 9], affineRas: [0, 0, -9, 40, 0, 2, 0, -20, -1, 0, 0, 70] };
    const halved = {
      ...manifest,
      orientation: "source" as const,
      spacingMm: [1, 1, 4.5] as [number, number, number],
      resampling: { ...manifest.resampling, separateZ: "auto" as const },
    };
    const { grid, input } = toNetworkGrid([positions(thick)], thick, halved);
    expect(grid.separate).toEqual({ image: 2, logits: 2 });
    // Nearest neighbours along z: each slice comes twice.
    const area = 6 * 10;
    const slice = (z: number) => input.channels[0]?.subarray(z * area, (z + 1) * area);
    for (const z of [0, 2, 4, 6]) expect(slice(z)).toEqual(slice(z + 1));
    expect(
      toNetworkGrid([positions(thick)], thick, { ...halved, resampling: manifest.resampling }).grid.separate,
    ).toEqual({
      image: null,
      logits: null,
    });
  });

  it("normalises by the foreground of all channels, holes filled", () => {
    const grid: Grid = { size: [5, 5, 1], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] };
    // A ring of twos around a hole of zero, zeros around it.
    const ring = Float32Array.from({ length: 25 }, (_, i) => {
      const [x, y] = [i % 5, Math.floor(i / 5)];
      return x > 0 && x < 4 && y > 0 && y < 4 && !(x === 2 && y === 2) ? 2 : 0;
    });
    const masked = {
      ...manifest,
      channels: [
        { name: "any", modalities: ["MR"], normalisation: { kind: "zscore" as const, mask: "foreground" as const } },
      ],
    };
    const [values] = toNetworkGrid([ring], grid, masked).input.channels;
    const mean = 16 / 9;
    const sd = Math.sqrt((8 * (2 - mean) ** 2 + mean ** 2) / 9);
    expect(values?.[6]).toBeCloseTo((2 - mean) / sd, 5);
    expect(values?.[12]).toBeCloseTo(-mean / sd, 5);
    expect(values?.[0]).toBe(0);
  });

  it("never resamples the slice axis of a 2-D model", () => {
    const flat = {
      ...manifest,
      network: { ...manifest.network, dimensions: 2 as const },
      spacingMm: [1.5, 4, null] as [number, number, null],
    };
    expect(toNetworkGrid([positions(sagittal)], sagittal, flat).grid.size).toEqual([8, 2, 6]);
  });
});

/** The whole export at once. */
function toSourceGrid(logits: readonly Float32Array[], grid: NetworkGrid, model: ModelManifest, wanted: number[]) {
  const made = new SourceGridExport(grid, model, wanted);
  const area = grid.size[0] * grid.size[1];
  for (let z = 0; z < grid.size[2]; z++) {
    const slices = logits.map((values) => values.subarray(z * area, (z + 1) * area));
    made.addSlice(z, slices);
  }
  return made.finish();
}

describe("SourceGridExport", () => {
  const affine: Affine = sagittal.affineRas;
  const { grid } = toNetworkGrid([positions(sagittal)], sagittal, manifest);
  const flatIndex = 3 + 4 * (1 + 5 * 2);
  const logits = [new Float32Array(120), new Float32Array(120).fill(-10)];
  (logits[1] as Float32Array)[flatIndex] = 10;

  it("puts a label where the network saw it", () => {
    const { labels } = toSourceGrid(logits, grid, manifest, []);
    const [at] = [...labels.entries()].filter(([, label]) => label === 1).map(([i]) => i);
    const index: Vec3 = [(at ?? 0) % 6, Math.floor((at ?? 0) / 6) % 5, Math.floor((at ?? 0) / 30)];
    expect([...labels].reduce((sum, label) => sum + label, 0)).toBe(1);
    expect(applyAffine(affine, index)).toEqual(applyAffine(grid.affineRas, [3, 1, 2]));
  });

  it("gives probabilities of the softmax inside the grown foreground box", () => {
    const { probabilities } = toSourceGrid(logits, grid, manifest, [1]);
    const values = probabilities?.byLabel.get(1) ?? new Float32Array();
    expect(Math.max(...values)).toBeCloseTo(1 / (1 + Math.exp(-10)), 6);
    expect(Math.min(...values)).toBeCloseTo(1 / (1 + Math.exp(10)), 6);
  });

  it("writes regions in their order and gives each its own sigmoid", () => {
    const regions = {
      ...manifest,
      activation: { regions: [2, 1] },
      labels: [1, 2].flatMap((value) => manifest.labels.map((label) => ({ ...label, value, name: `region-${value}` }))),
    };
    // Both regions hold the voxel: the later one, label 1, is written over the earlier.
    const both = [(logits[1] ?? new Float32Array()).slice(), (logits[1] ?? new Float32Array()).slice()];
    const whole = toSourceGrid(both, grid, regions, [1, 2]);
    expect([...whole.labels].filter((label) => label > 0)).toEqual([1]);
    expect(Math.max(...(whole.probabilities?.byLabel.get(2) ?? []))).toBeCloseTo(1 / (1 + Math.exp(-10)), 6);
    (both[1] as Float32Array)[flatIndex] = -1;
    const one = toSourceGrid(both, grid, regions, [1]);
    expect([...one.labels].filter((label) => label > 0)).toEqual([2]);
    expect(Math.max(...(one.probabilities?.byLabel.get(1) ?? []))).toBeCloseTo(1 / (1 + Math.E), 6);
  });

  it("gives no box when there is nothing but background", () => {
    const nothing = [new Float32Array(120), new Float32Array(120).fill(-10)];
    const { labels, probabilities } = toSourceGrid(nothing, grid, manifest, [1]);
    expect(labels.every((label) => label === 0)).toBe(true);
    expect(probabilities).toBeNull();
  });

  it("leaves background outside the crop, and the first maximum wins a tie", () => {
    const data = new Float32Array(120);
    data[1 + 6 * (2 + 5 * 3)] = 7;
    const cropped = toNetworkGrid([data], sagittal, { ...manifest, crop: "nonzero" }).grid;
    const bright = toSourceGrid([Float32Array.of(0), Float32Array.of(1)], cropped, manifest, []).labels;
    expect(bright.indexOf(1)).toBe(1 + 6 * (2 + 5 * 3));
    expect([...bright].reduce((sum, label) => sum + label, 0)).toBe(1);
    const tie = toSourceGrid([Float32Array.of(1), Float32Array.of(1)], cropped, manifest, []).labels;
    expect(tie.every((label) => label === 0)).toBe(true);
  });

  it("says of how many voxels the labels stay as they are, where they need not be turned or pasted", () => {
    const stored = { ...manifest, orientation: "source" as const };
    const { grid: same } = toNetworkGrid([positions(sagittal)], sagittal, {
      ...stored,
      spacingMm: [1, 2, 1.5],
      resampling: { ...manifest.resampling, grid: "extents" },
    });
    let state = 5;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const [x, y, z] = same.size;
    for (const wanted of [[], [1]]) {
      const made = new SourceGridExport(same, stored, wanted);
      const told: { done: number; labels: number[] }[] = [];
      for (let k = 0; k < z; k++) {
        made.addSlice(
          k,
          [0, 1].map(() => Float32Array.from({ length: x * y }, random)),
        );
        const { labels = new Uint8Array(), done = -1 } = made.labelsSoFar ?? {};
        told.push({ done, labels: [...labels.subarray(0, done)] });
      }
      const final = made.finish().labels;
      expect(made.labelsSoFar?.labels).toBe(final);
      expect(told.map(({ labels }) => labels)).toEqual(told.map(({ done }) => [...final.subarray(0, done)]));
      expect(told.at(-1)?.done).toBe(120);
      expect(new Set(final).size).toBe(2);
    }
    expect(new SourceGridExport(grid, manifest, []).labelsSoFar).toBeNull();
    const cut = { start: [1, 0, 0], size: [5, 5, 4] } as const;
    expect(new SourceGridExport(planNetworkGrid(sagittal, stored, cut), stored, []).labelsSoFar).toBeNull();
  });
});
