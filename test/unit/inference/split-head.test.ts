import { describe, expect, it } from "vitest";
import { sha256 } from "#src/core/ids.js";
import type { Size3 } from "#src/imaging/affine.js";
import { cpuGraph } from "#src/inference/cpu-graph.js";
import type { NetworkSession } from "#src/inference/network-session.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { predictLogits } from "#src/inference/predict-logits.js";
import { splitHead } from "#src/inference/split-head.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { readGraph } from "#src/model/onnx/graph.js";
import { type OnnxNode, onnxFile } from "#src/model/onnx/write.js";
import { randomUnet } from "../../../bench/preflight/unet.js";
import { brightManifest } from "../../support/tiny-models.js";

const CLASSES = 72;
const unet = (dimensions: 2 | 3, channels: readonly number[], seed = 1) =>
  randomUnet({ dimensions, inputs: 1, classes: CLASSES, channels, seed }).file;

/** Logits of 18 MiB, of which 8 MiB are made at once, and of 9 MiB in a batch of slices. */
const SOLID = { dimensions: 3, patchVox: [64, 64, 16] as [number, number, number] } as const;
const FLAT = { dimensions: 2, patchVox: [64, 64, 1] as [number, number, number] } as const;
const WHOLE_BYTES = 2 ** 23;

interface Asked {
  readonly files: readonly Uint8Array[];
  readonly changes?: Partial<ModelManifest>;
  readonly workers?: number;
  readonly takesFeatures: boolean;
  readonly wantsDisagreement?: boolean;
  readonly isOneTile?: boolean;
}

/** Digests of the logits and of the disagreement of several tiles of noise, and whether they were made by a head. */
async function digests(
  { dimensions, patchVox }: typeof SOLID | typeof FLAT,
  { files, changes = {}, workers = 1, takesFeatures, wantsDisagreement = false, isOneTile = false }: Asked,
) {
  const [first = new Uint8Array()] = files;
  const base = brightManifest(first);
  const manifest: ModelManifest = {
    ...base,
    network: { ...base.network, dimensions, classes: CLASSES },
    tiles: { ...base.tiles, patchVox },
    ...changes,
  };
  let heads = 0;
  const seen = (session: NetworkSession): NetworkSession => {
    const noted =
      (run: NetworkSession["run"]): NetworkSession["run"] =>
      async (input) => {
        const answer = await run(input);
        if (answer.head !== undefined) heads++;
        return answer;
      };
    const { beside } = session;
    return {
      ...session,
      run: noted(session.run),
      // Such short runs would not be worth the start of a thread.
      ...(beside && { beside: { ...beside, isStarted: () => true, run: noted(beside.run) } }),
    };
  };
  const [x, y, z] = patchVox;
  const shape = dimensions === 3 ? [null, 1, z, y, x] : [null, 1, y, x];
  const open = ortSessions("cpu", { workers, rewrite: (bytes, request) => cpuGraph(bytes, request, WHOLE_BYTES) });
  const sessions: NetworkSession[] = [];
  for (const file of files) {
    const request = { inputName: "image", outputName: "logits", sha256: "", shape, takesFeatures };
    sessions.push(seen(await open({ ...request, bytes: async () => file })));
  }
  const size: Size3 = dimensions === 3 ? [x, y, z + (isOneTile ? 0 : 5)] : [x + 11, y, 9];
  const noise = Float32Array.from({ length: size[0] * size[1] * size[2] }, (_, i) => Math.sin(i * i * 0.37));
  const digest = (of: string[]) => (_: number, values: readonly Float32Array[]) => {
    for (const { buffer, byteOffset, byteLength } of values) {
      of.push(sha256(new Uint8Array(buffer, byteOffset, byteLength)));
    }
  };
  const [logits, disagreement]: [string[], string[]] = [[], []];
  await predictLogits(
    { size, channels: [noise] },
    manifest,
    sessions,
    digest(logits),
    () => {},
    wantsDisagreement ? (z, values) => digest(disagreement)(z, [values]) : null,
  );
  await Promise.all(sessions.map((session) => session.close()));
  return { made: { logits: sha256(logits.join()), disagreement: sha256(disagreement.join()) }, heads };
}

describe("splitHead", () => {
  const names = { inputName: "image", outputName: "logits" };
  const shape = [null, 8, 32, 64, 64];

  interface Changes {
    readonly last?: Partial<OnnxNode>;
    readonly more?: readonly OnnxNode[];
    readonly dims?: readonly number[];
    readonly type?: "float" | "float16";
  }

  /** ReLU and a head of 72 classes, or what is made of it. */
  function split({ last = {}, more = [], dims = [CLASSES, 8, 1, 1, 1], type = "float" }: Changes, of = shape) {
    const length = dims.reduce((product, one) => product * one, 1);
    const values = type === "float" ? new Float32Array(length).fill(0.5) : new Uint16Array(length);
    const head = { op: "Conv", inputs: ["features", "w", "b"], outputs: ["logits"], ...last };
    const file = onnxFile({
      nodes: [{ op: "Relu", inputs: ["image"], outputs: ["features"] }, head, ...more],
      constants: [
        { name: "w", dims, values },
        { name: "b", dims: [dims[0] ?? 0], values: values.slice(0, dims[0]) },
        { name: "unused", dims: [1], values: new Float32Array(1) },
      ],
      inputs: [{ name: "image", type }],
      outputs: [{ name: "logits", type }],
    });
    return splitHead(file, names, of);
  }

  it("cuts a network before its last convolution, with what each part needs", () => {
    const parts = split({});
    expect([parts?.features, parts?.classes]).toEqual(["features", CLASSES]);
    const [body, head] = [parts?.body, parts?.head].map((file) => readGraph(file ?? new Uint8Array()));
    expect(body?.nodes.map(({ op }) => op)).toEqual(["Relu"]);
    expect([[...(body?.inputs.keys() ?? [])], [...(body?.outputs ?? [])]]).toEqual([["image"], ["features"]]);
    expect([...(body?.constants.keys() ?? [])]).toEqual([]);
    expect(head?.nodes.map(({ op }) => op)).toEqual(["Conv"]);
    expect([[...(head?.inputs.keys() ?? [])], [...(head?.outputs ?? [])]]).toEqual([["features"], ["logits"]]);
    expect([...(head?.constants.keys() ?? [])]).toEqual(["w", "b"]);
  });

  it.each([
    { what: "another operator", changes: { last: { op: "ConvTranspose" } } },
    {
      what: "a larger kernel",
      changes: { dims: [CLASSES, 8, 1, 3, 1], last: { attributes: { pads: [0, 1, 0, 0, 1, 0] } } },
    },
    { what: "steps", changes: { last: { attributes: { strides: [1, 1, 2] } } } },
    { what: "padding", changes: { last: { attributes: { pads: [0, 0, 0, 0, 0, 1] } } } },
    { what: "groups", changes: { last: { attributes: { group: 2 } }, dims: [CLASSES, 4, 1, 1, 1] } },
    { what: "weights that are worked out", changes: { last: { inputs: ["features", "image"] } } },
    {
      what: "logits that something else reads",
      changes: { more: [{ op: "Sigmoid", inputs: ["logits"], outputs: ["p"] }] },
    },
    { what: "hardly more classes than features", changes: { dims: [15, 8, 1, 1, 1] } },
    { what: "half precision", changes: { type: "float16" } },
  ] as const)("leaves a network whole that ends in $what", ({ changes }) => {
    expect(split(changes)).toBeNull();
  });

  it("leaves a network whole whose logits are few, or of which it is not known how many they are", () => {
    expect(split({}, [null, 8, 32, 64, 32])).toBeNull();
    expect(split({}, [null, 8, null, 64, 64])).toBeNull();
    expect(split({}, [])).toBeNull();
  });
});

describe("a network whose logits are made in slabs", () => {
  it.each([
    { name: "two tiles", network: SOLID, channels: [8, 16], asked: {} },
    { name: "planar convolutions up to its features", network: SOLID, channels: [16, 16], asked: {} },
    { name: "by two workers", network: SOLID, channels: [8, 16], asked: { workers: 2 } },
    { name: "half precision", network: SOLID, channels: [8, 16], asked: { changes: { precision: "float16" } } },
    {
      name: "mirrored along x and z, features of 4 passes kept",
      ...{ network: SOLID, channels: [8, 16], asked: { changes: { mirrorAxes: ["x", "z"] } } },
    },
    {
      name: "mirrored along all axes, more features than logits",
      ...{ network: SOLID, channels: [16, 16], asked: { changes: { mirrorAxes: ["x", "y", "z"] }, workers: 2 } },
    },
    {
      name: "mirrored, disagreement",
      ...{
        network: SOLID,
        channels: [8, 16],
        asked: { changes: { mirrorAxes: ["z"] }, wantsDisagreement: true },
      },
    },
    {
      name: "mirrored, more features than logits, disagreement of regions",
      ...{
        network: SOLID,
        channels: [24, 8],
        asked: {
          changes: {
            mirrorAxes: ["y", "z"],
            activation: { regions: Array.from({ length: CLASSES }, (_, n) => n + 1) },
          },
          wantsDisagreement: true,
          isOneTile: true,
        },
      },
    },
    { name: "slices in batches", network: FLAT, channels: [16, 16], asked: { changes: { mirrorAxes: ["x"] } } },
    { name: "slices, few channels", network: FLAT, channels: [4, 12], asked: {} },
  ] as const)(
    "gives the bytes of one whose logits are made whole: $name",
    async ({ network, channels, asked }) => {
      const files = [unet(network.dimensions, channels)];
      const of = (takesFeatures: boolean) => digests(network, { ...(asked as Partial<Asked>), files, takesFeatures });
      const [whole, slabs] = [await of(false), await of(true)];
      expect([whole.heads, slabs.heads > 0]).toEqual([0, true]);
      expect(slabs.made).toEqual(whole.made);
    },
    60_000,
  );

  it("gives the bytes of one whose logits are made whole: two folds", async () => {
    const files = [unet(3, [8, 16], 1), unet(3, [8, 16], 2)];
    const of = (takesFeatures: boolean) => digests(SOLID, { files, takesFeatures, wantsDisagreement: true });
    const [whole, slabs] = [await of(false), await of(true)];
    expect(slabs.heads).toBe(4);
    expect(slabs.made).toEqual(whole.made);
    expect(whole.made).not.toEqual((await digests(SOLID, { files: files.slice(1), takesFeatures: false })).made);
  }, 60_000);
});
