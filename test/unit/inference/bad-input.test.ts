import { describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { Size3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";
import { modelSessions } from "#src/inference/model-sessions.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentImage } from "#src/inference/segment-image.js";
import { SessionPool } from "#src/inference/session-pool.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { folderModels } from "#src/model/model-library.js";
import { pointwiseNetwork } from "../../support/onnx-file.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const affineRas = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
const spacingMm = [1, 1, 1] as const;

/** Labels of images on a grid, by a network that is really run. */
async function run(network: Uint8Array, changes: Partial<ModelManifest>, channels: Float32Array[], size: Size3) {
  const manifest = { ...brightManifest(network), ...changes };
  const library = folderModels(await modelsFolderWith([{ manifest, network }]));
  const pool = new SessionPool(ortSessions("cpu"));
  try {
    const image = { grid: { size, affineRas, spacingMm }, channels };
    return await segmentImage(image, await library.open(manifest.id), { sessionsOf: modelSessions(pool, library) });
  } finally {
    await pool.close();
  }
}

const base = brightManifest(brightNetwork());
const [channel] = base.channels;
if (channel === undefined) throw new Error("a model has a channel");
/** Every seventh voxel is bright. */
const dotted = (size: Size3) => Float32Array.from({ length: voxelCount(size) }, (_, i) => (i % 7 === 0 ? 150 : 10));
const expectedOf = (data: Float32Array) => Uint8Array.from(data, (value) => (value > 100 ? 1 : 0));

describe("models that do not do what their manifest says", () => {
  it("are refused where the network reads another number of channels", async () => {
    const image = dotted([16, 16, 16]);
    const found = run(brightNetwork(), { channels: [channel, channel] }, [image, image], [16, 16, 16]);
    await expect(found).rejects.toMatchObject({
      code: "InferenceFailed",
      message: "network failed on a tensor of 1 x 2 x 16 x 16 x 16",
    });
  });

  it("are refused where the network cannot take the shape of a tile", async () => {
    const flat: Partial<ModelManifest> = {
      network: { ...base.network, dimensions: 2 },
      tiles: { ...base.tiles, patchVox: [16, 16, 1] },
    };
    await expect(run(brightNetwork(3), flat, [dotted([16, 16, 2])], [16, 16, 2])).rejects.toMatchObject({
      code: "InferenceFailed",
      message: "network failed on a tensor of 2 x 1 x 16 x 16",
    });
  });

  it("are refused where the network gives NaN", async () => {
    const broken = pointwiseNetwork(3, [0, 1], [0, Number.NaN]);
    await expect(run(broken, {}, [dotted([16, 16, 16])], [16, 16, 16])).rejects.toMatchObject({
      code: "InferenceFailed",
      message: "network gave values that are not finite, expected finite logits",
    });
  });

  it("are refused with a resampling function that is not known", async () => {
    const resampling = { ...base.resampling, imageOrder: 2 } as never;
    await expect(run(brightNetwork(), { resampling }, [dotted([4, 4, 4])], [4, 4, 4])).rejects.toMatchObject({
      code: "ModelInvalid",
      message: expect.stringContaining("field resampling.imageOrder"),
    });
  });
});

describe("images at the edge of what there is", () => {
  it.each([
    ["smaller than the tile", [5, 9, 3]],
    ["of one slice", [20, 18, 1]],
    ["of one voxel", [1, 1, 1]],
    ["of one row", [40, 1, 1]],
  ] as const)("are labelled voxel for voxel: %s", async (_, size) => {
    const image = dotted(size);
    expect((await run(brightNetwork(), {}, [image], size)).labels).toEqual(expectedOf(image));
  });

  it.each([
    ["zscore", { kind: "zscore", mask: "none" }],
    ["zscore of the foreground", { kind: "zscore", mask: "foreground" }],
    ["rescale01", { kind: "rescale01" }],
    ["percentile", { kind: "percentile", low: 1, high: 99 }],
  ] as const)("give finite values where all voxels are the same: %s", async (_, normalisation) => {
    // Whatever a constant is normalised to, it is at most 1: a network that looks for more than that sees nothing.
    const network = pointwiseNetwork(3, [0, 1], [0, -1.5]);
    for (const value of [0, 42]) {
      const image = new Float32Array(4 * 5 * 6).fill(value);
      const changes: Partial<ModelManifest> = { channels: [{ ...channel, normalisation }], crop: "nonzero" };
      const { labels } = await run(network, changes, [image], [4, 5, 6]);
      expect(labels).toEqual(new Uint8Array(image.length));
    }
  });

  it("are read with zeros where a voxel is not finite, and then labelled as ever", async () => {
    const size: Size3 = [4, 4, 4];
    const data = dotted(size);
    data.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], 20);
    const image = readNifti(writeNifti({ size, affineRas, spacingMm, data }));
    expect(image.warnings.map(({ message }) => message)).toEqual([
      "3 of 64 voxels were not finite numbers and were set to 0",
    ]);
    const values = Float32Array.from(image.data);
    expect([...values.subarray(20, 23)]).toEqual([0, 0, 0]);
    expect((await run(brightNetwork(), {}, [values], size)).labels).toEqual(expectedOf(values));
  });
});
