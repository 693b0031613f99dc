import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { FLOAT16_VALUES } from "#src/imaging/float16.js";
import type { Grid } from "#src/imaging/volume.js";
import type { NetworkSession } from "#src/inference/network-session.js";
import { segmentImage } from "#src/inference/segment-image.js";
import type { PackageManifest } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { readGolden } from "../../goldens/golden.js";
import { ensembleOf } from "../../support/tiny-ensemble.js";
import { brightManifest, brightNetwork } from "../../support/tiny-models.js";

interface Averaged {
  readonly size: Size3;
  readonly spacing: Vec3;
  readonly classes: number;
  readonly regions: readonly number[] | null;
  readonly members: readonly { readonly size: Size3; readonly spacing: Vec3; readonly logits: string }[];
  readonly labels: string;
  readonly mean: string;
}
const { averaged } = readGolden<{ readonly averaged: readonly Averaged[] }>("nnunet-cascade");
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const halvesOf = (text: string) =>
  Float32Array.from(new Uint16Array(bytesOf(text).buffer), (w) => FLOAT16_VALUES[w] ?? 0);

const packageOf = (manifest: PackageManifest, others: readonly ModelPackage[] = []): ModelPackage => ({
  ...{ manifest, digest: "", folder: "" },
  others: new Map(others.map((other) => [other.manifest.id, other])),
});

/** Runs an ensemble whose members answer by a function of the tile. */
function run(
  members: readonly { manifest: ModelManifest; weight: number; answer: NetworkSession["run"] }[],
  grid: Grid,
  image: Float32Array,
  on: "source" | "network",
) {
  const ensemble = ensembleOf(
    members.map(({ manifest, weight }) => [manifest, weight]),
    on,
  );
  const model = packageOf(
    ensemble,
    members.map(({ manifest }) => packageOf(manifest)),
  );
  const wanted = ensemble.labels.map(({ value }) => value);
  const sessionsOf = async (one: ModelPackage): Promise<NetworkSession[]> => {
    const found = members.find(({ manifest }) => manifest.id === one.manifest.id);
    return found === undefined ? [] : [{ run: found.answer, close: async () => {} }];
  };
  return segmentImage({ grid, channels: [image] }, model, { sessionsOf, wanted });
}

const base = brightManifest(brightNetwork());
const [bright] = base.labels;

describe("segmentImage of an ensemble", () => {
  for (const { size, spacing, classes, regions, members, labels, mean } of averaged) {
    const grid: Grid = { size, affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: spacing };
    const manifestOf = (n: number, own: Averaged["members"][number]): ModelManifest => ({
      ...base,
      id: `member-${n}`,
      network: { ...base.network, classes },
      orientation: "source",
      spacingMm: [...own.spacing],
      tiles: { ...base.tiles, patchVox: [...own.size], blending: "constant" },
      resampling: { imageOrder: 1, logitsOrder: 1, separateZ: "auto", grid: "extents", of: "logits" },
      precision: "float16",
      activation: regions === null ? "softmax" : { regions: [...regions] },
      labels: (regions ?? [1, 2, 3]).map(
        (value) => ({ ...(bright ?? base.labels[0]), name: `l${value}`, value }) as never,
      ),
    });

    it(`gives nnU-Net's labels and mean of ${members.length} models, ${regions === null ? "softmax" : "regions"}`, async () => {
      const ready = members.map((own, n) => ({
        manifest: manifestOf(n, own),
        weight: 1,
        answer: async () => ({
          data: halvesOf(own.logits),
          shape: [1, classes, ...own.size.toReversed()],
        }),
      }));
      const image = new Float32Array(size[0] * size[1] * size[2]).fill(1);
      const found = await run(ready, grid, image, "source");
      const expected = bytesOf(labels);
      expect(found.labels.length).toBe(expected.length);
      expect([...found.labels].findIndex((label, i) => label !== expected[i])).toBe(-1);

      const means = new Float32Array(bytesOf(mean).buffer);
      const { box, byLabel } = found.probabilities ?? { box: null, byLabel: new Map<number, Float32Array>() };
      // Everything is foreground here, so the box is the whole image.
      expect(box).toEqual({ start: [0, 0, 0], size });
      for (const [label, values] of byLabel) {
        const channel = regions === null ? label : regions.indexOf(label);
        const off = [...values].map((value, i) => Math.abs(value - (means[channel * values.length + i] ?? 9)));
        // Resampled logits are rounded to half precision through single: 0.3 to 0.6 % of these, which lie beside the
        // middle of two half-precision numbers, go to the other one than from double (numpy alone shows it).
        expect(Math.max(...off)).toBeLessThan(1e-4);
        expect(off.filter((one) => one > 3e-7).length).toBeLessThanOrEqual(0.05 * off.length);
      }
    });
  }

  const grid: Grid = { size: [4, 2, 2], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] };
  const image = Float32Array.of(0, 150, 250, 150, 0, 0, 0, 0, 150, 0, 0, 0, 0, 0, 0, 250);
  const above = (id: string, limit: number, weight: number, changes: Partial<ModelManifest> = {}) => ({
    manifest: { ...base, id, orientation: "source" as const, ...changes },
    weight,
    answer: async ({ data, shape }: { data: Float32Array; shape: readonly number[] }) => {
      const out = new Float32Array(2 * data.length);
      out.set(
        data.map((value) => (value - limit) / 10),
        data.length,
      );
      return { data: out, shape: [1, 2, ...shape.slice(2)] };
    },
  });
  const all = [1, 2, 3, 8, 15];
  const some = [2, 15];

  for (const on of ["source", "network"] as const) {
    it.each([
      [1, 1, some],
      [2, 1, all],
      [1, 2, some],
    ])(`decides by the weights, the mean taken on the ${on} grid: %d and %d`, async (a, b, expected) => {
      const found = await run([above("low", 100, a), above("high", 200, b)], grid, image, on);
      expect([...found.labels].flatMap((label, i) => (label === 1 ? [i] : []))).toEqual(expected);
      const { box, byLabel } = found.probabilities ?? { box: null, byLabel: new Map<number, Float32Array>() };
      expect(box).toEqual({ start: [0, 0, 0], size: grid.size });
      const [low, high] = [1 / (1 + Math.exp(-5)), 1 / (1 + Math.exp(5))];
      expect(byLabel.get(1)?.[1]).toBeCloseTo((a * low + b * high) / (a + b), 6);
    });
  }

  it.each(["source", "network"] as const)("leaves out of a region what its members are split over (%s)", async (on) => {
    const member = (id: string, limit: number) => ({
      ...above(id, limit, 1),
      manifest: {
        ...base,
        id,
        orientation: "source" as const,
        network: { ...base.network, classes: 1 },
        activation: { regions: [1] },
      },
      answer: async ({ data, shape }: { data: Float32Array; shape: readonly number[] }) => ({
        data: data.map((value) => (value - limit) * 100),
        shape: [1, 1, ...shape.slice(2)],
      }),
    });
    // Each is certain: where one says yes and the other no, the mean is a half and not above it.
    const { labels } = await run([member("low", 100), member("high", 200)], grid, image, on);
    expect([...labels].flatMap((label, i) => (label === 1 ? [i] : []))).toEqual(some);
  });

  it("differs with the grid of the mean where the network's is coarser", async () => {
    const changes = { spacingMm: [2, 1, 1] as [number, number, number] };
    const members = [above("low", 100, 3, changes), above("high", 240, 1, changes)];
    const onSource = await run(members, grid, image, "source");
    const onNetwork = await run(members, grid, image, "network");
    expect(onNetwork.probabilities?.byLabel.get(1)).not.toEqual(onSource.probabilities?.byLabel.get(1));
  });

  it("refuses a mean on the network's grid of models whose grids differ", async () => {
    const coarse = above("coarse", 100, 1, { spacingMm: [2, 1, 1] });
    await expect(run([above("fine", 100, 1), coarse], grid, image, "network")).rejects.toMatchObject({
      code: "ModelInvalid",
      message: "members fine and coarse of together work on other grids (4 x 2 x 2, 2 x 2 x 2), expected one",
    });
  });
});
