import { afterAll, describe, expect, it } from "vitest";
import { voxelCount } from "#src/imaging/volume.js";
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

  it("reports its progress to the last tile", async () => {
    const calls: [number, number][] = [];
    await logitsOf(ramp([40, 16, 16]), manifest, session, (done, of) => calls.push([done, of]));
    expect(calls.at(-1)).toEqual([4, 4]);
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

describe("ortSessions", () => {
  it("says what the machine offers when it lacks the device that was asked for", async () => {
    const opened = ortSessions("cuda")({ ...manifest.network, bytes: async () => bytes });
    // On a machine with CUDA this opens; anywhere else there is no silent fallback.
    await opened.then(
      (session) => session.close(),
      (error) => expect(error).toMatchObject({ code: "DeviceUnavailable", message: expect.stringContaining("cuda") }),
    );
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
