import { describe, expect, it } from "vitest";
import type { Affine, Size3, Vec3 } from "#src/imaging/affine.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import type { NetworkSession } from "#src/inference/network-session.js";
import { segmentInput } from "#src/inference/segment-input.js";
import { BundleConfig } from "#src/model/import/bundle-config.js";
import { BundleMetadata } from "#src/model/import/bundle-files.js";
import { manifestOfMonai } from "#src/model/import/monai.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { applySteps } from "#src/refine/apply-steps.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";

interface Case {
  readonly name: string;
  readonly size: Size3;
  readonly affine: readonly (readonly number[])[];
  readonly classes: number;
  readonly config: Record<string, unknown>;
  readonly image: string;
  /** In MONAI's order. */
  readonly inputSize: readonly number[];
  readonly input: string;
  readonly labels: string;
}

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, "base64"));

function manifestOf({ classes, config }: Case, named: object = {}, file: { batch?: 1 } = {}): ModelManifest {
  const metadata = BundleMetadata.parse({
    version: "0.1.0",
    description: "made up",
    network_data_format: {
      inputs: { image: { modality: "CT", num_channels: 1, channel_def: { "0": "image" } } },
      outputs: { pred: { num_channels: classes, ...named } },
    },
  });
  const exported = {
    file: "network.onnx",
    inputName: "image",
    outputName: "logits",
    parameters: 1,
    parity: 0,
    ...file,
  };
  const given = { id: "bundle", licence: "CC0-1.0", modalities: [], digest: "a".repeat(64) };
  return manifestOfMonai({ metadata, exported, config: new BundleConfig(config), ...given });
}

describe.each(readGolden<readonly Case[]>("monai-bundles"))("a bundle where $name", (one) => {
  const manifest = manifestOf(one);
  const [x, y, z] = one.affine as [number[], number[], number[]];
  const spacingMm = [0, 1, 2].map((axis) => Math.hypot(x[axis] ?? 0, y[axis] ?? 0, z[axis] ?? 0)) as unknown as Vec3;
  const source = { size: one.size, affineRas: [...x, ...y, ...z] as unknown as Affine, spacingMm };
  const image = Float32Array.from(new Int16Array(bytesOf(one.image).buffer));
  const prepared = toNetworkGrid([image], source, manifest);

  it("gives the network what MONAI gives it", () => {
    const [found] = prepared.input.channels;
    const expected = new Float32Array(bytesOf(one.input).buffer);
    const spatial = manifest.network.dimensions === 3 ? one.inputSize : null;
    if (spatial !== null) {
      expect(prepared.grid.size).toEqual(spatial.toReversed());
      expect(largestDifference(found ?? [], expected)).toBeLessThan(2e-6);
    } else {
      // Slices of MONAI's array [x, y, z] lie across its last axis, ours one after the other.
      const [nx = 0, ny = 0, nz = 0] = one.inputSize;
      const slices = Float32Array.from({ length: nx * ny * nz }, (_, i) => {
        const [k, rest] = [Math.floor(i / (nx * ny)), i % (nx * ny)];
        return expected[(Math.floor(rest / ny) * ny + (rest % ny)) * nz + k] ?? Number.NaN;
      });
      expect(largestDifference(found ?? [], slices)).toBeLessThan(2e-6);
    }
  });

  it("gives MONAI's labels, voxel for voxel", async () => {
    const { labels } = await segmentInput(prepared.input, prepared.grid, manifest, [madeUpNetwork(one.classes)]);
    const state = { labels, size: one.size, spacingMm, probabilities: null, image: null };
    const refined = applySteps(state, manifest.postprocess).labels;
    expect(Buffer.compare(Uint8Array.from(refined), bytesOf(one.labels))).toBe(0);
  });
});

it("tells labels of a bundle apart whose short names are the same", () => {
  const one = readGolden<readonly Case[]>("monai-bundles").find(({ classes }) => classes === 3);
  const named = { channel_def: { "0": "background", "1": "GTV+", "2": "GTV-" } };
  const names = one && manifestOf(one, named).labels.map(({ name }) => name);
  expect(names).toEqual(["gtv-1", "gtv-2"]);
});

it("gives a 2-D network of a bundle one slice at a time where its file fixes that", () => {
  const batches = readGolden<readonly Case[]>("monai-bundles").map((one) => {
    const { dimensions, batch } = manifestOf(one, {}, { batch: 1 }).network;
    return [dimensions, batch, manifestOf(one).network.batch];
  });
  expect(batches).toContainEqual([2, 1, undefined]);
  expect(batches).toContainEqual([3, undefined, undefined]);
});

/** The network of the golden, in single precision as torch's. */
function madeUpNetwork(classes: number): NetworkSession {
  const f = Math.fround;
  return {
    async run({ data, shape }) {
      const [batch = 1, , ...spatial] = shape;
      const tile = data.length / batch;
      const out = new Float32Array(classes * data.length);
      for (let n = 0; n < batch; n++) {
        for (let c = 0; c < classes; c++) {
          for (let i = 0; i < tile; i++) {
            const near = f(0.5 - Math.abs(f(f((data[n * tile + i] ?? 0) * 2) - c * 0.5)));
            out[(n * classes + c) * tile + i] = f(near + f(((i % 7) / 8) * (0.5 * (c % 2) - 0.25)));
          }
        }
      }
      return { data: out, shape: [batch, classes, ...spatial] };
    },
    close: async () => {},
  };
}
