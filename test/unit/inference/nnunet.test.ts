import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { FLOAT16_VALUES } from "#src/imaging/float16.js";
import { separateAxis } from "#src/imaging/resample.js";
import { type Activation, LabelExport, type LabelExportOptions } from "#src/inference/label-export.js";
import { planNetworkGrid, toNetworkGrid } from "#src/inference/network-grid.js";
import type { NetworkSession } from "#src/inference/network-session.js";
import { predictLogits } from "#src/inference/predict-logits.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";
import { brightManifest, brightNetwork } from "../../support/tiny-models.js";

interface Exported {
  readonly size: Size3;
  readonly newSize: Size3;
  readonly spacing: Vec3;
  readonly newSpacing: Vec3;
  readonly classes: number;
  readonly logits: string;
  readonly labels: string;
  readonly regions: string;
}
interface Blended {
  readonly size: Size3;
  readonly patch: Size3;
  readonly classes: number;
  readonly step: number;
  readonly mirror: readonly ("x" | "y" | "z")[];
  readonly image: string;
  readonly logits: string;
}
const golden = readGolden<{ readonly exported: readonly Exported[]; readonly blended: readonly Blended[] }>("nnunet");

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const halvesOf = (text: string) =>
  Float32Array.from(new Uint16Array(bytesOf(text).buffer), (w) => FLOAT16_VALUES[w] ?? 0);

function exportLabels(one: Exported, activation: Activation, more: Partial<LabelExportOptions> = {}): LabelExport {
  const axis = separateAxis(one.spacing, one.newSpacing);
  const order = (n: number) => (axis === n ? 0 : 1);
  const made = new LabelExport({
    from: one.size,
    to: one.newSize,
    orders: [order(0), order(1), order(2)],
    classes: one.classes,
    activation,
    precision: "float16",
    withProbabilities: false,
    ...more,
  });
  const logits = halvesOf(one.logits);
  const area = one.size[0] * one.size[1];
  for (let z = 0; z < one.size[2]; z++) {
    const slice = (c: number) => logits.slice(area * (z + one.size[2] * c), area * (z + 1 + one.size[2] * c));
    made.addSlice(
      z,
      Array.from({ length: one.classes }, (_, c) => slice(c)),
    );
  }
  return made;
}

describe("LabelExport", () => {
  for (const one of golden.exported) {
    const name = `${one.size.join(" x ")} to ${one.newSize.join(" x ")}`;
    it(`gives nnU-Net's labels, voxel for voxel: ${name}`, () => {
      const { labels } = exportLabels(one, { kind: "softmax" });
      expect(Buffer.compare(Uint8Array.from(labels), bytesOf(one.labels))).toBe(0);
    });

    it(`gives nnU-Net's regions, voxel for voxel: ${name}`, () => {
      const { labels } = exportLabels(one, { kind: "regions", values: [2, 1, 3, 4, 5] });
      expect(Buffer.compare(Uint8Array.from(labels), bytesOf(one.regions))).toBe(0);
    });
  }

  it("gives probabilities that sum to one, the label's own the largest, and the same labels", () => {
    const [one] = golden.exported;
    if (one === undefined) throw new Error("golden without a case");
    const made = exportLabels(one, { kind: "softmax" }, { withProbabilities: true });
    expect(Buffer.compare(Uint8Array.from(made.labels), bytesOf(one.labels))).toBe(0);
    const probabilities = Array.from({ length: one.classes }, (_, c) => made.probability(c));
    for (let i = 0; i < made.labels.length; i++) {
      const all = probabilities.map((channel) => channel[i] ?? 0);
      expect(Math.abs(all.reduce((sum, p) => sum + p) - 1)).toBeLessThan(1e-6);
      expect(all.indexOf(Math.max(...all))).toBe(made.labels[i]);
    }
  });

  it("would differ in some voxels of the same logits without half precision", () => {
    const differing = golden.exported.map((one) => {
      const { labels } = exportLabels(one, { kind: "softmax" }, { precision: "float32" });
      const expected = bytesOf(one.labels);
      return [...labels].filter((label, i) => label !== expected[i]).length;
    });
    expect(Math.max(...differing)).toBeGreaterThan(0);
  });
});

describe("predictLogits", () => {
  for (const one of golden.blended) {
    it(`gives nnU-Net's blended logits, bit for bit: ${one.size.join(" x ")} in ${one.patch.join(" x ")}`, async () => {
      const manifest = brightManifest(brightNetwork(), {
        network: { ...brightManifest(brightNetwork()).network, classes: one.classes },
        tiles: {
          patchVox: [...one.patch],
          stepFraction: one.step,
          placing: "even",
          blending: "gaussian",
          padding: "zero",
        },
        mirrorAxes: [...one.mirror],
        precision: "float16",
      });
      const image = new Float32Array(bytesOf(one.image).buffer);
      const area = one.size[0] * one.size[1];
      const found = new Float32Array(one.classes * image.length);
      const onSlice = (z: number, classes: readonly Float32Array[]) => {
        for (const [c, slice] of classes.entries()) found.set(slice, c * image.length + z * area);
      };
      await predictLogits({ size: one.size, channels: [image] }, manifest, [madeUpNetwork(one.classes)], onSlice);
      const expected = halvesOf(one.logits);
      expect(found.findIndex((logit, i) => logit !== expected[i])).toBe(-1);
    });
  }
});

/** The network of the golden: value times (c + 1) / 3, and something that depends on the place in the tile. */
function madeUpNetwork(classes: number): NetworkSession {
  return {
    async run({ data, shape }) {
      const out = new Float32Array(classes * data.length);
      for (let c = 0; c < classes; c++) {
        for (let i = 0; i < data.length; i++) {
          const place = (i % 7) / 8;
          out[c * data.length + i] = Math.fround((data[i] ?? 0) * Math.fround((c + 1) / 3)) + place * (c - 1);
        }
      }
      return { data: out, shape: [1, classes, ...shape.slice(2)] };
    },
    close: async () => {},
  };
}

interface Planar {
  readonly size: Size3;
  readonly newSize: Size3;
  readonly spacing: Vec3;
  readonly plan: readonly [number, number];
  readonly imageAxis: 0 | 1 | 2 | null;
  readonly logitsAxis: 0 | 1 | 2 | null;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

describe("toNetworkGrid of a 2-D plan", () => {
  const { cases } = readGolden<{ readonly cases: readonly Planar[] }>("nnunet-planar");
  const base = brightManifest(brightNetwork());

  it.each(cases)("gives nnU-Net's voxels of slices of $spacing mm in $plan mm", (one) => {
    const { size, spacing } = one;
    const manifest = {
      ...base,
      network: { ...base.network, dimensions: 2 as const },
      orientation: "source" as const,
      spacingMm: [...one.plan, null] as [number, number, null],
      resampling: { ...base.resampling, imageOrder: 3 as const, separateZ: "auto" as const },
    };
    const affineRas = [spacing[0], 0, 0, 0, 0, spacing[1], 0, 0, 0, 0, spacing[2], 0] as const;
    const { grid, input } = toNetworkGrid(
      [Float32Array.from(one.input)],
      { size, affineRas, spacingMm: spacing },
      manifest,
    );
    expect(grid.size).toEqual(one.newSize);
    expect(grid.separate).toEqual({ image: one.imageAxis, logits: one.logitsAxis });
    // Float32 as nnU-Net's, computed in double precision; values are below 1024.
    expect(largestDifference(input.channels[0] ?? [], one.output)).toBeLessThan(6.5e-5);
  });

  it("resamples slices by themselves where the manifest does not ask for nnU-Net's rule", () => {
    const grid = { size: [4, 4, 3], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] } as const;
    const manifest = { ...base, network: { ...base.network, dimensions: 2 as const } };
    expect(planNetworkGrid(grid, manifest).separate).toEqual({ image: 2, logits: 2 });
  });
});

describe("LabelExport in half precision", () => {
  it("gives the same labels of resampled probabilities whether or not uncertainty is asked for", () => {
    const [one] = golden.exported;
    if (one === undefined) throw new Error("golden without a case");
    // So close that half precision cannot tell them apart once they are probabilities.
    const close = { ...one, size: [8, 8, 8] as Size3, newSize: [13, 13, 13] as Size3, classes: 3 };
    const halves = Uint16Array.from({ length: 3 * 512 }, (_, i) => 0x1400 + ((i * 7919) % 11));
    const logits = Buffer.from(halves.buffer).toString("base64");
    const labelsOf = (more: Partial<LabelExportOptions>) =>
      exportLabels({ ...close, logits }, { kind: "softmax" }, { of: "probabilities", ...more }).labels;
    const alone = labelsOf({});
    expect(labelsOf({ withUncertainty: true })).toEqual(alone);
    expect(labelsOf({ withProbabilities: true })).toEqual(alone);
    expect(labelsOf({ precision: "float32" })).not.toEqual(alone);
  });
});
