import { afterAll, describe, expect, it } from "vitest";
import { voxelCount } from "#src/imaging/volume.js";
import { freeArray } from "#src/inference/free-array.js";
import type { NetworkSession } from "#src/inference/network-session.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { type NetworkInput, type OnTiles, predictLogits } from "#src/inference/predict-logits.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { pointwiseNetwork } from "../../support/onnx-file.js";
import { brightManifest, brightNetwork } from "../../support/tiny-models.js";

const bytes = brightNetwork();
const manifest = brightManifest(bytes);
const session = await ortSessions("cpu")({ ...manifest.network, bytes: async () => bytes });
afterAll(() => session.close());

/** Values that differ from voxel to voxel. */
function ramp(size: readonly [number, number, number]): NetworkInput {
  const data = Float32Array.from({ length: voxelCount(size) }, (_, i) => (i * 37) % 211);
  return { size, channels: [data] };
}

/** A network without ONNX Runtime, for what a real file cannot be made to do. */
const fake = (run: NetworkSession["run"]): NetworkSession => ({ run, close: async () => {} });

/** All slices put together, one array a class. */
async function logitsOf(
  input: NetworkInput,
  model: ModelManifest,
  network: NetworkSession | readonly NetworkSession[],
  onTiles?: OnTiles,
) {
  const area = input.size[0] * input.size[1];
  const all = Array.from({ length: model.network.classes }, () => new Float32Array(voxelCount(input.size)));
  const onSlice = (z: number, classes: readonly Float32Array[]) => {
    for (const [c, slice] of classes.entries()) all[c]?.set(slice, z * area);
  };
  await predictLogits(input, model, [network].flat(), onSlice, onTiles);
  return all;
}

describe("predictLogits", () => {
  for (const size of [
    [16, 16, 16],
    [40, 23, 17],
    [5, 3, 1],
    [16, 50, 2],
  ] as const) {
    it(`gives a pointwise network's answer on ${size.join(" x ")} voxels, whatever the tiles`, async () => {
      const input = ramp(size);
      const [background, bright] = await logitsOf(input, manifest, session);
      const [values] = input.channels;
      const worst = Math.max(...(bright ?? []).map((logit, i) => Math.abs(logit - ((values?.[i] ?? 0) - 100))));
      expect(bright).toHaveLength(voxelCount(size));
      // Blending divides a weighted sum by the sum of weights: rounding of float32 is all that may differ.
      expect(worst).toBeLessThan(1e-4);
      expect(background?.every((logit) => logit === 0)).toBe(true);
    });
  }

  it("feeds a 2-D network slice by slice, in batches", async () => {
    const flat = pointwiseNetwork(2, [0, 1], [0, -100]);
    const flatManifest = brightManifest(flat, {
      network: { ...manifest.network, dimensions: 2 },
      tiles: { ...manifest.tiles, patchVox: [8, 8, 1] },
    });
    const flatSession = await ortSessions("cpu")({ ...flatManifest.network, bytes: async () => flat });
    const input = ramp([13, 9, 11]);
    const [, bright] = await logitsOf(input, flatManifest, flatSession);
    await flatSession.close();
    expect(bright?.[500]).toBeCloseTo((input.channels[0]?.[500] ?? 0) - 100, 3);
  });

  it("averages over all combinations of mirrored axes, each turned back", async () => {
    const seen: string[] = [];
    const input: NetworkInput = { size: [2, 2, 2], channels: [Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8)] };
    // Adds 80 in the tile's first voxel: in the mean it lands once in each corner.
    const corner = fake(async ({ data, shape }) => {
      seen.push(data.join());
      const logits = new Float32Array(16);
      logits.set(data, 8);
      logits[8] = (logits[8] ?? 0) + 80;
      return { data: logits, shape: [shape[0] ?? 0, 2, 2, 2, 2] };
    });
    const mirrored = {
      ...manifest,
      mirrorAxes: ["x", "y", "z"] as ("x" | "y" | "z")[],
      tiles: { ...manifest.tiles, patchVox: [2, 2, 2] as [number, number, number] },
    };
    const [, bright] = await logitsOf(input, mirrored, corner);
    expect(new Set(seen).size).toBe(8);
    expect([...(bright ?? [])]).toEqual([11, 12, 13, 14, 15, 16, 17, 18]);
  });

  it("averages the logits of several networks, in half precision where the manifest says so", async () => {
    const input = ramp([40, 23, 17]);
    const plus = (add: number) =>
      fake(async ({ data, shape }) => {
        const logits = new Float32Array(2 * data.length);
        for (let i = 0; i < data.length; i++) logits[data.length + i] = (data[i] ?? 0) / 256 + add;
        return { data: logits, shape: [shape[0] ?? 0, 2, ...shape.slice(2)] };
      });
    const even = { ...manifest, tiles: { ...manifest.tiles, blending: "constant" as const } };
    const meanOf = (model: ModelManifest) => logitsOf(input, model, [plus(0), plus(1), plus(0.5)]);
    const [, single] = await meanOf(even);
    const [, half] = await meanOf({ ...even, precision: "float16" });
    const values = input.channels[0] ?? [];
    for (let i = 0; i < values.length; i += 37) {
      expect(single?.[i]).toBeCloseTo((values[i] ?? 0) / 256 + 0.5, 5);
      // Eleven bits of sums below 8, of 8 overlapping tiles and 3 networks.
      expect(Math.abs((half?.[i] ?? 0) - (single?.[i] ?? 0))).toBeLessThan(2 ** -8);
    }
    expect(half).not.toEqual(single);
  });

  it.each([[], ["x"]] as const)(
    "gives each answer's memory back before the next tile is cut, mirrored along %j",
    async (...axes) => {
      const given: Float32Array[] = [];
      let most = 0;
      const network = fake(async ({ data, shape: [count = 1, , ...spatial] }) => {
        most = Math.max(most, given.filter(({ length }) => length > 0).length);
        const answer = new Float32Array(2 * data.length);
        given.push(answer);
        return { data: answer, shape: [count, 2, ...spatial], free: () => freeArray(answer) };
      });
      const mirrorAxes = axes.filter((axis) => axis === "x");
      await logitsOf(ramp([40, 23, 17]), { ...manifest, mirrorAxes }, network);
      expect(given.length).toBeGreaterThan(4);
      expect(given.map(({ length }) => length)).toEqual(given.map(() => 0));
      // Of a mirrored tile, the sum of its passes.
      expect(most).toBe(mirrorAxes.length);
    },
  );

  it("reports its progress to the last tile", async () => {
    const calls: [number, number][] = [];
    await logitsOf(ramp([40, 16, 16]), manifest, session, (done, of) => calls.push([done, of]));
    expect(calls.at(-1)).toEqual([4, 4]);
  });

  it("shows every slice to a 2-D network once, however far its tiles overlap", async () => {
    const flat: ModelManifest = {
      ...manifest,
      network: { ...manifest.network, dimensions: 2 },
      tiles: { ...manifest.tiles, patchVox: [8, 8, 1], stepFraction: 0.5 },
    };
    const seen: number[] = [];
    const network = fake(async ({ data, shape }) => {
      const tiles = shape[0] ?? 0;
      for (let n = 0; n < tiles; n++) seen.push(data[n * 64] ?? -1);
      return { data: new Float32Array(tiles * 128), shape: [tiles, 2, 8, 8] };
    });
    const slices = Float32Array.from({ length: 8 * 8 * 19 }, (_, i) => Math.floor(i / 64));
    await logitsOf({ size: [8, 8, 19], channels: [slices] }, flat, network);
    expect(seen).toEqual(Array.from({ length: 19 }, (_, z) => z));
  });

  it("feeds neighbouring slices to a 2-D network: channel by channel, ascending, the last slice again beyond it", async () => {
    const two = ramp([5, 4, 3]);
    const [first = new Float32Array()] = two.channels;
    const second = first.map((value) => 3 * value + 1);
    const model: ModelManifest = {
      ...manifest,
      network: { ...manifest.network, dimensions: 2, slices: 3 },
      channels: [...manifest.channels, ...manifest.channels],
      tiles: { ...manifest.tiles, patchVox: [4, 4, 1] },
      mirrorAxes: ["x"],
    };
    // Every tensor of a tile has another weight in the logit, so that any mistake in their order shows.
    const weights = [1, 10, 100, 0.1, 0.01, 0.001];
    const network = fake(async ({ data, shape }) => {
      expect(shape.slice(1)).toEqual([6, 4, 4]);
      const [tiles = 1] = shape;
      const out = new Float32Array(tiles * 2 * 16);
      for (let n = 0; n < tiles; n++) {
        for (const [k, weight] of weights.entries()) {
          for (let i = 0; i < 16; i++) {
            const at = (2 * n + 1) * 16 + i;
            out[at] = (out[at] ?? 0) + weight * (data[(6 * n + k) * 16 + i] ?? 0);
          }
        }
      }
      return { data: out, shape: [tiles, 2, 4, 4] };
    });
    const [, found = new Float32Array()] = await logitsOf(
      { size: two.size, channels: [first, second] },
      model,
      network,
    );
    const off = [...found].map((logit, i) => {
      const [inPlane, z] = [i % 20, Math.floor(i / 20)];
      const neighbours = [first, second].flatMap((from) =>
        [Math.max(0, z - 1), z, Math.min(2, z + 1)].map((k) => from[k * 20 + inPlane] ?? Number.NaN),
      );
      const expected = neighbours.reduce((sum, value, k) => sum + value * (weights[k] ?? 0), 0);
      return Math.abs(logit - expected) / Math.max(1, expected);
    });
    expect(Math.max(...off)).toBeLessThan(1e-6);
  });

  it("refuses a wrong number of channels", async () => {
    const { size, channels } = ramp([16, 16, 16]);
    await expect(logitsOf({ size, channels: [...channels, ...channels] }, manifest, session)).rejects.toMatchObject({
      code: "InputMismatch",
      message: "input has 2 channels, bright3d expects 1",
    });
  });

  it("refuses an output of another shape than the manifest says", async () => {
    const three = { ...manifest, network: { ...manifest.network, classes: 3 } };
    await expect(logitsOf(ramp([16, 16, 16]), three, session)).rejects.toMatchObject({
      code: "InferenceFailed",
      message: "network gave 1 x 2 x 16 x 16 x 16, its manifest expects 1 x 3 x 16 x 16 x 16",
    });
  });

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`refuses an output that holds ${value}`, async () => {
      const broken = fake(async () => ({
        data: new Float32Array(2 * 4096).fill(value, 77, 78),
        shape: [1, 2, 16, 16, 16],
      }));
      await expect(logitsOf(ramp([16, 16, 16]), manifest, broken)).rejects.toMatchObject({
        code: "InferenceFailed",
      });
    });
  }
});

describe("logits whose sums are beyond half precision", () => {
  const constant = (value: number) =>
    fake(async ({ shape }) => ({
      data: new Float32Array(2 * 4096).fill(value, 4096),
      shape: [1, 2, ...shape.slice(2)],
    }));
  const half: ModelManifest = { ...manifest, precision: "float16" };
  const beyond = {
    code: "InferenceFailed",
    message: "sums of the network's logits go beyond half precision (65,504), expected finite sums",
  };

  // A Gaussian's largest weight is 10.
  it.each([
    ["in the last slices", [16, 16, 16], 8000, "gaussian"],
    ["in slices that are given away before the last tile", [16, 16, 40], 8000, "gaussian"],
    ["where tiles overlap", [24, 16, 16], 40_000, "constant"],
  ] as const)("end the run, as nnU-Net's do: %s", async (_, size, value, blending) => {
    const tiles = { ...manifest.tiles, blending };
    await expect(logitsOf(ramp(size), { ...half, tiles }, constant(value))).rejects.toMatchObject(beyond);
    const [, logits] = await logitsOf(ramp(size), { ...manifest, tiles }, constant(value));
    expect(logits?.every((logit) => Math.abs(logit - value) < 0.01)).toBe(true);
  });

  it("end it, too, where only the sum of folds is beyond it", async () => {
    const even = { ...half, tiles: { ...manifest.tiles, blending: "constant" as const } };
    const input = ramp([16, 16, 16]);
    await expect(logitsOf(input, even, [40_000, 40_000].map(constant))).rejects.toMatchObject(beyond);
    const [, logits] = await logitsOf(input, even, [30_000, 30_000].map(constant));
    expect(new Set(logits)).toEqual(new Set([30_000]));
  });
});

describe("ortSessions", () => {
  it.each(["cuda", "tensorrt"] as const)("does not run on another device than was asked for: %s", async (provider) => {
    const opened = ortSessions(provider)({ ...manifest.network, bytes: async () => bytes });
    // On a machine with the device this opens; anywhere else there is no silent fallback.
    await opened.then(
      (session) => session.close(),
      (error) => expect(error).toMatchObject({ code: "DeviceUnavailable", message: expect.stringContaining(provider) }),
    );
  });

  it("lets a GPU's libraries round no float32 in convolutions, before the first session", () => {
    const before = process.env.NVIDIA_TF32_OVERRIDE;
    delete process.env.NVIDIA_TF32_OVERRIDE;
    try {
      ortSessions("cpu");
      expect(process.env.NVIDIA_TF32_OVERRIDE).toBeUndefined();
      ortSessions("cuda");
      expect(process.env.NVIDIA_TF32_OVERRIDE).toBe("0");
    } finally {
      if (before === undefined) delete process.env.NVIDIA_TF32_OVERRIDE;
      else process.env.NVIDIA_TF32_OVERRIDE = before;
    }
  });

  it("refuses a file that is no network", async () => {
    const garbage = ortSessions("cpu")({ ...manifest.network, bytes: async () => Uint8Array.of(1, 2, 3) });
    await expect(garbage).rejects.toMatchObject({ code: "ModelInvalid" });
  });

  it("refuses a network without the named input", async () => {
    const wrong = ortSessions("cpu")({ ...manifest.network, inputName: "scan", bytes: async () => bytes });
    await expect(wrong).rejects.toMatchObject({
      code: "ModelInvalid",
      message: "network has inputs image, its manifest expects scan",
    });
  });
});
