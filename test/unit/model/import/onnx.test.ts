import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { manifestOfOnnx, OnnxSettings } from "#src/model/import/onnx.js";
import { readOnnxFacts } from "#src/model/onnx/facts.js";
import { fieldsOf } from "#src/model/onnx/fields.js";
import { joined, message } from "#src/model/onnx/write.js";
import { pointwiseNetwork } from "../../../support/onnx-file.js";

const named = { id: "mine", file: "network.onnx", digest: "a".repeat(64) };
const settings = (given: object) =>
  OnnxSettings.parse({ labels: ["liver"], normalisation: { kind: "none" }, ...given });
const open3d = readOnnxFacts(pointwiseNetwork(3, [0, 1], [0, -5]));
const tensor = (name: string, ...shape: (number | null)[]) => ({ name, shape });

describe("readOnnxFacts", () => {
  it("reads names, shapes and parameters", () => {
    expect(open3d).toEqual({
      inputs: [tensor("image", null, 1, null, null, null)],
      outputs: [tensor("logits", null, 2, null, null, null)],
      parameters: 4,
    });
  });

  it("counts what the manifest of a trained model says", () => {
    const manifest = JSON.parse(readFileSync("models/hippocampus-unet3d/manifest.json", "utf8"));
    const facts = readOnnxFacts(readFileSync(`models/hippocampus-unet3d/${manifest.network.file}`));
    expect(facts.parameters).toBe(manifest.network.parameters);
  });

  it("refuses a network whose weights are in a file beside it", () => {
    expect(() => readOnnxFacts(externalWeights(pointwiseNetwork(2, [0, 1], [0, -5])))).toThrow(
      "the network keeps weights in a file beside it (external data), expected them inside",
    );
  });

  it("refuses what is no network", () => {
    expect(() => readOnnxFacts(new Uint8Array())).toThrow("without a graph");
    expect(() => readOnnxFacts(new TextEncoder().encode("not a network"))).toThrow("expected an ONNX model");
    const whole = pointwiseNetwork(3, [0, 1], [0, 0]);
    expect(() => readOnnxFacts(whole.subarray(0, 60))).toThrow("that ends within");
    expect(() => readOnnxFacts(new Uint8Array(20).fill(255))).toThrow("more than ten bytes");
  });
});

describe("manifestOfOnnx", () => {
  it("takes from the settings what the file leaves open", () => {
    const manifest = manifestOfOnnx(open3d, settings({ patchVox: [16, 16, 8], modalities: ["CT"] }), named);
    expect(manifest).toMatchObject({
      network: { inputName: "image", outputName: "logits", dimensions: 3, classes: 2, parameters: 4 },
      channels: [{ modalities: ["CT"], normalisation: { kind: "none" } }],
      tiles: { patchVox: [16, 16, 8], stepFraction: 0.5 },
      labels: [{ value: 1, name: "liver" }],
    });
    const full = { spacingMm: [1, 1, 2], normalisation: { kind: "rescale01" }, tiles: { stepFraction: 1 } };
    expect(manifestOfOnnx(open3d, settings({ patchVox: [8, 8, 8], ...full }), named)).toMatchObject({
      spacingMm: [1, 1, 2],
      channels: [{ normalisation: { kind: "rescale01" } }],
      tiles: { patchVox: [8, 8, 8], stepFraction: 1 },
    });
  });

  it("tells labels apart whose short names are the same", () => {
    const flat = { inputs: [tensor("x", null, 1, 8, 8)], outputs: [tensor("y", null, 3, 8, 8)], parameters: 9 };
    const { labels } = manifestOfOnnx(flat, settings({ labels: ["GTV+", "GTV-"] }), named);
    expect(labels.map(({ name, displayName }) => [name, displayName])).toEqual([
      ["gtv-1", "GTV+"],
      ["gtv-2", "GTV-"],
    ]);
  });

  it("takes a fixed tile from the file", () => {
    const flat = { inputs: [tensor("x", null, 3, 64, 48)], outputs: [tensor("y", null, 2, 64, 48)], parameters: 9 };
    const manifest = manifestOfOnnx(flat, settings({}), named);
    expect(manifest.tiles.patchVox).toEqual([48, 64, 1]);
    expect(manifest.channels).toHaveLength(3);
  });

  it("runs slices of a 2-D network one by one where its file fixes a batch of one", () => {
    const flat = (batch: number | null) => ({
      inputs: [tensor("x", batch, 1, 64, 48)],
      outputs: [tensor("y", batch, 2, 64, 48)],
      parameters: 9,
    });
    expect(manifestOfOnnx(flat(1), settings({}), named).network.batch).toBe(1);
    expect(manifestOfOnnx(flat(null), settings({}), named).network.batch).toBeUndefined();
    expect(() => manifestOfOnnx(flat(4), settings({}), named)).toThrow("a fixed batch of 4, expected 1, or one that");
  });

  it("refuses a tile that a network of fixed size does not take", () => {
    const fixed = { inputs: [tensor("x", 1, 1, 16, 64, 48)], outputs: [tensor("y", 1, 2, 16, 64, 48)], parameters: 9 };
    expect(manifestOfOnnx(fixed, settings({ patchVox: [48, 64, 16] }), named).tiles.patchVox).toEqual([48, 64, 16]);
    expect(manifestOfOnnx(fixed, settings({}), named).network.batch).toBeUndefined();
    expect(() => manifestOfOnnx(fixed, settings({ patchVox: [16, 64, 48] }), named)).toThrow(
      "the network has an input of fixed size 48 x 64 x 16, expected patchVox 16 x 64 x 48 as in the settings",
    );
    const partly = { ...fixed, inputs: [tensor("x", null, 1, 64, null)], outputs: [tensor("y", null, 2, 64, null)] };
    expect(manifestOfOnnx(partly, settings({ patchVox: [32, 64, 1] }), named).tiles.patchVox).toEqual([32, 64, 1]);
  });

  it.each<[string, object, object, string]>([
    ["an open size without a tile", {}, {}, "expected a tile in the settings"],
    ["two inputs", { inputs: [tensor("a", 1), tensor("b", 1)] }, {}, "2 inputs, expected one"],
    ["a list of numbers", { inputs: [tensor("a", null, 10)] }, {}, "an input of 2 dimensions"],
    [
      "too few labels",
      { outputs: [tensor("y", null, 4, null, null, null)] },
      { patchVox: [8, 8, 8] },
      "4 output channels, expected 2",
    ],
    [
      "a scheme that is not there",
      {},
      { patchVox: [8, 8, 8], normalisation: { kind: "magic" } },
      "field channels.0.normalisation",
    ],
    [
      "an unknown resampling",
      {},
      { patchVox: [8, 8, 8], resampling: { imageOrder: 2, logitsOrder: 1 } },
      "field resampling.imageOrder",
    ],
    [
      "a spacing of slices of a 2-D network",
      { inputs: [tensor("x", null, 1, 8, 8)], outputs: [tensor("y", null, 2, 8, 8)] },
      { spacingMm: [1, 1, 1] },
      "field spacingMm: a 2-D model keeps the source's slice spacing: null along z",
    ],
    [
      "a tile of several slices of a 2-D network",
      { inputs: [tensor("x", null, 1, null, null)], outputs: [tensor("y", null, 2, null, null)] },
      { patchVox: [8, 8, 8] },
      "field tiles.patchVox: a 2-D model has a tile of one slice: 1 along z",
    ],
  ])("refuses %s", (_, facts, given, message) => {
    expect(() => manifestOfOnnx({ ...open3d, ...facts }, settings(given), named)).toThrow(message);
  });
});

/** The same file, but that its first constant says that it lies elsewhere. */
function externalWeights(bytes: Uint8Array): Uint8Array {
  const remade = (of: Uint8Array, field: number, change: (body: Uint8Array) => Uint8Array): Uint8Array => {
    let isFirst = true;
    const parts = [...fieldsOf(of)].map((one) => {
      if (one.field !== field || one.body === null || !isFirst) return one.bytes;
      isFirst = false;
      return joined(message(field, [change(one.body)]));
    });
    return joined(parts);
  };
  // ModelProto 7 graph, GraphProto 5 initializer, TensorProto 14 data_location.
  return remade(bytes, 7, (graph) => remade(graph, 5, (tensor) => joined([tensor, Uint8Array.of(8 * 14, 1)])));
}
