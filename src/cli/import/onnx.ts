import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import { gzipDeterministic, writeNifti } from "#src/formats/nifti-write.js";
import { openShape } from "#src/inference/measure-network.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentInput } from "#src/inference/segment-input.js";
import { shortName } from "#src/model/import/imported-labels.js";
import { manifestOfOnnx, OnnxSettings } from "#src/model/import/onnx.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { readOnnxFacts } from "#src/model/onnx/facts.js";
import { goldenPhantom } from "./golden-phantom.js";
import { makePackage, readDocument, writeManifest } from "./package-folder.js";

export interface ImportOnnxFlags {
  readonly id?: string;
  readonly models?: string;
  /** JSON file of `OnnxSettings`. */
  readonly settings: string;
}

const NETWORK = "network.onnx";
/** Phantoms that are tried until one has a labelled voxel. */
const PHANTOMS = 20;

/** `scanlane import onnx`: a bare network, and what the user says about it, as a model package. */
export async function importOnnx(path: string, flags: ImportOnnxFlags, signal: AbortSignal): Promise<void> {
  const bytes = await readFile(resolve(path)).catch((cause: unknown) => {
    throw new PipelineError("ModelInvalid", "the network is not there, expected an ONNX file", { cause });
  });
  const settings = await readDocument(OnnxSettings, resolve(flags.settings), "settings of the network as JSON");
  const id = flags.id ?? shortName(basename(path).replace(/\.onnx$/, ""));
  const manifest = manifestOfOnnx(readOnnxFacts(bytes), settings, { id, file: NETWORK, digest: sha256(bytes) });
  const place = await makePackage(flags.models, signal, async (made) => {
    await mkdir(join(made, "golden"), { recursive: true });
    await writeFile(join(made, NETWORK), bytes);
    await writeGolden(manifest, bytes, join(made, "golden"), signal);
    await writeManifest(made, manifest);
    return id;
  });
  console.log(place);
  console.log(`its golden case is this engine's own answer; run it with: scanlane run <scan> --model ${id}`);
}

/**
 * A phantom and the engine's own labels for it: later changes show.
 *
 * @throws {PipelineError} `ModelInvalid` when the network gives no label on any phantom; whatever the network throws
 */
async function writeGolden(
  manifest: ModelManifest,
  bytes: Uint8Array,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const { network } = manifest;
  const session = await ortSessions("cpu")({ ...network, shape: openShape(manifest), bytes: async () => bytes });
  try {
    for (let seed = 1; seed <= PHANTOMS; seed++) {
      signal.throwIfAborted();
      const { grid, channels } = goldenPhantom(manifest, seed);
      const prepared = toNetworkGrid(
        channels.map((channel) => channel.slice()),
        grid,
        manifest,
      );
      const { labels } = await segmentInput(prepared.input, prepared.grid, manifest, [session]);
      if (labels.every((label) => label === 0)) continue;
      const data = new Float32Array(channels.length * labels.length);
      for (const [n, channel] of channels.entries()) data.set(channel, n * labels.length);
      const input = writeNifti({ ...grid, data, channels: channels.length });
      await writeFile(join(folder, "input.nii.gz"), gzipDeterministic(input));
      await writeFile(join(folder, "labels.nii.gz"), gzipDeterministic(writeNifti({ ...grid, data: labels })));
      return;
    }
  } finally {
    await session.close();
  }
  throw new PipelineError("ModelInvalid", `the network labels no voxel of ${PHANTOMS} phantoms, expected some of one`);
}
