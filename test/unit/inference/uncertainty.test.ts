import { describe, expect, it } from "vitest";
import { UNCERTAINTY_MAPS, type UncertaintyMap } from "#src/core/uncertainty-maps.js";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { LabelExport } from "#src/inference/label-export.js";
import { modelSessions } from "#src/inference/model-sessions.js";
import type { NetworkSession } from "#src/inference/network-session.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentImage } from "#src/inference/segment-image.js";
import { SessionPool } from "#src/inference/session-pool.js";
import type { PackageManifest } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { folderModels, type ModelPackage } from "#src/model/model-library.js";
import { pointwiseNetwork } from "../../support/onnx-file.js";
import { ensembleOf } from "../../support/tiny-ensemble.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const size: Size3 = [12, 10, 8];
/** x runs to the left, 1 x 2 x 3 mm. */
const affineRas: Affine = [-1, 0, 0, 5, 0, 2, 0, 0, 0, 0, 3, 0];
const grid: Grid = { size, affineRas, spacingMm: [1, 2, 3] };
const at = (x: number, y: number, z: number) => x + size[0] * (y + size[1] * z);
const voxels = voxelCount(size);

const base = brightManifest(brightNetwork());
const logit = (p: number) => Math.log(p / (1 - p));
/** In bits. */
const entropyOf = (p: number) => (p <= 0 || p >= 1 ? 0 : -p * Math.log2(p) - (1 - p) * Math.log2(1 - p));

type Run = NetworkSession["run"];
/** A network of two classes that sees the second with the same probability everywhere. */
const sure =
  (p: number): Run =>
  async ({ data, shape }) => {
    const logits = new Float32Array(2 * data.length).fill(0, 0, data.length).fill(logit(p), data.length);
    return { data: logits, shape: [1, 2, ...shape.slice(2)] };
  };
/** One that sees it in the half of its tile with small x, as it is given: a mirrored tile is answered the other way. */
const halfX: Run = async ({ data, shape }) => {
  const width = shape[4] ?? 1;
  const logits = new Float32Array(2 * data.length);
  for (let i = 0; i < data.length; i++) logits[data.length + i] = i % width < width / 2 ? 40 : -40;
  return { data: logits, shape: [1, 2, ...shape.slice(2)] };
};

interface Member {
  readonly manifest: ModelManifest;
  /** An answer a fold. */
  readonly answers: readonly Run[];
  readonly weight?: number;
}

const packageOf = (manifest: PackageManifest, others: readonly ModelPackage[] = []): ModelPackage => ({
  ...{ manifest, digest: "", folder: "" },
  others: new Map(others.map((other) => [other.manifest.id, other])),
});

/** Maps by one network, or by an ensemble of several. */
async function mapsOf(
  members: readonly Member[],
  maps: readonly UncertaintyMap[] = UNCERTAINTY_MAPS,
  on: "source" | "network" = "source",
) {
  const packages = members.map(({ manifest }) => packageOf(manifest));
  const [first] = packages;
  const model =
    first !== undefined && packages.length === 1
      ? first
      : packageOf(
          ensembleOf(
            members.map(({ manifest, weight }) => [manifest, weight ?? 1]),
            on,
          ),
          packages,
        );
  const sessionsOf = async ({ manifest: { id } }: ModelPackage): Promise<NetworkSession[]> =>
    members.find(({ manifest }) => manifest.id === id)?.answers.map((run) => ({ run, close: async () => {} })) ?? [];
  return segmentImage({ grid, channels: [new Float32Array(voxels).fill(1)] }, model, { sessionsOf, maps });
}

const member = (id: string, p: number, weight = 1): Member => ({
  manifest: { ...base, id },
  answers: [sure(p)],
  weight,
});

/** That every voxel of a map has one value. */
function expectAll(map: Float32Array | undefined, value: number, digits = 3): void {
  expect(map).toHaveLength(voxels);
  expect(Math.min(...(map ?? []))).toBeCloseTo(value, digits);
  expect(Math.max(...(map ?? []))).toBeCloseTo(value, digits);
}

describe("maps of uncertainty", () => {
  it("are made only where they are asked for", async () => {
    const keys = async (...asked: UncertaintyMap[]) => [...(await mapsOf([member("one", 0.8)], asked)).maps.keys()];
    expect(await keys()).toEqual([]);
    expect(await keys("uncertainty")).toEqual(["uncertainty"]);
    expect(await keys("disagreement")).toEqual(["disagreement"]);
  });

  it.each([0.5, 0.8, 0.03])("hold the entropy of a network that is sure by %f", async (p) => {
    const { maps } = await mapsOf([member("one", p)]);
    expectAll(maps.get("uncertainty"), entropyOf(p));
    expectAll(maps.get("disagreement"), 0, 6);
  });

  it.each([
    ["half precision", { precision: "float16" }],
    ["probabilities that are resampled", { resampling: { ...base.resampling, of: "probabilities" } }],
    ["another spacing", { spacingMm: [2, 2, 2] }],
    ["the centres of voxels", { spacingMm: [2, 2, 2], resampling: { ...base.resampling, grid: "centres" } }],
    ["a region", { activation: { regions: [1, 2] } }],
    [
      "a region by probability",
      { activation: { regions: [1, 2] }, resampling: { ...base.resampling, of: "probabilities" } },
    ],
  ] as const)("hold it in a model with %s", async (_, changes) => {
    const manifest = { ...base, ...(changes as Partial<ModelManifest>) };
    const { maps } = await mapsOf([{ manifest, answers: [sure(0.8)] }]);
    // Of two regions, the other of which has the logit 0, that one knows nothing.
    expectAll(maps.get("uncertainty"), "activation" in changes ? 1 : entropyOf(0.8));
    expectAll(maps.get("disagreement"), 0, 6);
  });

  it("are 0 of a network that is certain", async () => {
    const { maps } = await mapsOf([member("one", 1 - 1e-12)]);
    expectAll(maps.get("uncertainty"), 0, 6);
  });

  it.each([
    ["equal", [0.3, 0.3], 0],
    ["opposed", [1 - 1e-15, 1e-15], 1],
    ["unlike", [0.9, 0.3], entropyOf(0.6) - (entropyOf(0.9) + entropyOf(0.3)) / 2],
  ] as const)(
    "tell how far folds disagree that are %s, by the mean of their probabilities",
    async (_, ps, expected) => {
      const folds = [{ file: "b.onnx", sha256: "0".repeat(64) }];
      const manifest = { ...base, network: { ...base.network, folds } };
      const { maps } = await mapsOf([{ manifest, answers: ps.map(sure) }]);
      expectAll(maps.get("disagreement"), expected);
    },
  );

  it.each(["source", "network"] as const)("tell how far the members of an ensemble disagree (%s)", async (on) => {
    const members = [member("a", 0.9, 3), member("b", 0.3, 1)];
    const { maps } = await mapsOf(members, UNCERTAINTY_MAPS, on);
    expectAll(maps.get("uncertainty"), entropyOf(0.75));
    expectAll(maps.get("disagreement"), entropyOf(0.75) - (3 * entropyOf(0.9) + entropyOf(0.3)) / 4);
    const { maps: same } = await mapsOf([member("a", 0.3, 3), member("b", 0.3)], UNCERTAINTY_MAPS, on);
    expectAll(same.get("disagreement"), 0, 6);
    const { maps: opposed } = await mapsOf([member("a", 1 - 1e-15), member("b", 1e-15)], UNCERTAINTY_MAPS, on);
    expectAll(opposed.get("disagreement"), 1);
  });

  it.each(["source", "network"] as const)("take of regions the least certain one, in an ensemble (%s)", async (on) => {
    const regions = { activation: { regions: [1, 2] } } as Partial<ModelManifest>;
    const [a, b] = [member("a", 0.9), member("b", 0.3)];
    const members = [a, b].map((one) => ({ ...one, manifest: { ...one.manifest, ...regions } }));
    const { maps } = await mapsOf(members, UNCERTAINTY_MAPS, on);
    expectAll(maps.get("uncertainty"), 1);
    expectAll(maps.get("disagreement"), entropyOf(0.6) - (entropyOf(0.9) + entropyOf(0.3)) / 2);
  });

  it("tell how far mirrored answers disagree", async () => {
    const manifest = { ...base, tiles: { ...base.tiles, patchVox: [...size] as [number, number, number] } };
    const answers = [halfX];
    const { maps: plain } = await mapsOf([{ manifest, answers }]);
    expectAll(plain.get("disagreement"), 0, 6);
    const { maps } = await mapsOf([{ manifest: { ...manifest, mirrorAxes: ["x"] }, answers }]);
    expectAll(maps.get("disagreement"), 1);
    // Mirrored along another axis the answer is the same.
    const { maps: other } = await mapsOf([{ manifest: { ...manifest, mirrorAxes: ["y"] }, answers }]);
    expectAll(other.get("disagreement"), 0, 6);
  });

  it("do not take what two tiles say of one voxel for disagreement", async () => {
    const tiles = { ...base.tiles, patchVox: [8, 8, 8] as [number, number, number] };
    const { maps } = await mapsOf([{ manifest: { ...base, tiles, mirrorAxes: ["y"] }, answers: [halfX] }]);
    expectAll(maps.get("disagreement"), 0, 6);
    expect(Math.max(...(maps.get("uncertainty") ?? []))).toBeGreaterThan(0.2);
  });

  it("lie where the image lies, and are 0 where the network does not look", async () => {
    const network = pointwiseNetwork(3, [0, 1], [0, -100]);
    const coarse = pointwiseNetwork(3, [0, 1], [0, -50]);
    const library = folderModels(
      await modelsFolderWith([
        { manifest: { ...brightManifest(coarse), id: "coarse" }, network: coarse },
        {
          manifest: {
            ...brightManifest(network),
            ...{ id: "fine", mirrorAxes: ["x"] },
            region: { model: "coarse", labels: [1], marginMm: 0 },
          },
          network,
        },
      ]),
    );
    const image = new Float32Array(voxels);
    // The region is x 3 to 7 and z 2 to 3; in it one voxel is on the edge, one nearly, and the others are certain.
    image[at(3, 2, 2)] = 300;
    image[at(7, 2, 3)] = 300;
    image[at(4, 2, 2)] = 100;
    image[at(5, 2, 3)] = 100 + logit(0.8);
    image[at(9, 2, 2)] = 20;
    const pool = new SessionPool(ortSessions("cpu"));
    try {
      const options = { sessionsOf: modelSessions(pool, library), maps: UNCERTAINTY_MAPS };
      const { maps } = await segmentImage({ grid, channels: [image] }, await library.open("fine"), options);
      const map = maps.get("uncertainty") ?? new Float32Array();
      expect(map).toHaveLength(voxels);
      const unsure = Array.from(map).flatMap((value, i) => (value > 1e-6 ? [[i, value]] : []));
      expect(unsure).toEqual([
        [at(4, 2, 2), expect.closeTo(1, 4)],
        [at(5, 2, 3), expect.closeTo(entropyOf(0.8), 3)],
      ]);
      expectAll(maps.get("disagreement"), 0, 6);

      const { maps: none } = await segmentImage(
        { grid, channels: [new Float32Array(voxels)] },
        await library.open("fine"),
        options,
      );
      for (const map of UNCERTAINTY_MAPS) expectAll(none.get(map), 0, 6);
    } finally {
      await pool.close();
    }
  });
});

describe("LabelExport with uncertainty", () => {
  it("is done with a slice of logits as soon as the slices around it are there, as without", () => {
    const from: Size3 = [3, 3, 64];
    const made = new LabelExport({
      ...{ from, to: from, orders: [1, 1, 1], classes: 2, activation: { kind: "softmax" } },
      ...{ precision: "float32", withProbabilities: false, withUncertainty: true },
    });
    const slice = [new Float32Array(9), new Float32Array(9).fill(logit(0.8))];
    for (let z = 0; z < 32; z++) made.addSlice(z, slice);
    const map = made.uncertainty ?? new Float32Array();
    // Everything up to the front is final while half of the volume has not come.
    expect(map[9 * 31]).toBeCloseTo(entropyOf(0.8), 5);
    expect(map[9 * 32]).toBe(0);
    // A slice that was worked off is let go: a label's probability, which needs all, cannot be had any more.
    expect(() => made.probability(1)).toThrow("slice 0 of the logits is not there");
  });
});
