import type { ModelManifest } from "#src/model/manifest.js";
import type { MeasuredCost } from "#src/model/measured-cost.js";
import { tilesABatch } from "./cut-tiles.js";
import type { Answer, OpenSession } from "./network-session.js";
import { PassMean } from "./pass-mean.js";
import { watchPeak } from "./peak-memory.js";

const RUNS = 3;
const MIB = 2 ** 20;

/** Tensor of a full batch of a network, [N, C, (Z,) Y, X]. */
export function batchShape(manifest: Pick<ModelManifest, "tiles" | "network" | "channels" | "previous">): number[] {
  const { network, channels, previous, tiles } = manifest;
  const [x, y, z] = tiles.patchVox;
  const inputs = (channels.length + (previous?.labels.length ?? 0)) * (network.slices ?? 1);
  return [tilesABatch(network), inputs, ...(network.dimensions === 2 ? [y, x] : [z, y, x])];
}

/** What its sessions are told of their tensors: as many tiles at once as there is memory for. */
export function openShape(manifest: Parameters<typeof batchShape>[0]): (number | null)[] {
  return [manifest.network.batch ?? null, ...batchShape(manifest).slice(1)];
}

/**
 * Opens a network and runs it on zeros: memory by what this process holds more of, so nothing else may go on in it, and
 * time by what its threads used, which other work on the machine changes least.
 *
 * @throws {PipelineError} as sessions do
 */
export async function measureNetwork(
  manifest: ModelManifest,
  bytes: Uint8Array,
  open: OpenSession,
): Promise<Omit<MeasuredCost, "schemaVersion" | "machine">> {
  const shape = batchShape(manifest);
  const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
  const before = process.memoryUsage.rss();
  const openPeak = watchPeak();
  const request = { ...manifest.network, shape: openShape(manifest), takesFeatures: true };
  const session = await open({ ...request, bytes: async () => bytes });
  const loadedMiB = (openPeak() - before) / MIB;
  const loaded = process.memoryUsage.rss();
  const runPeak = watchPeak();
  const first = await session.run({ data, shape });
  // Of the first run alone: later answers are garbage of the process, not what the network takes.
  const runMiB = (runPeak() - loaded) / MIB;
  let secondsARun = Number.POSITIVE_INFINITY;
  for (let n = 0; n < RUNS; n++) {
    const started = process.cpuUsage();
    await readAll(await session.run({ data, shape }), manifest);
    const { user, system } = process.cpuUsage(started);
    secondsARun = Math.min(secondsARun, (user + system) / 1e6);
  }
  await session.close();
  const rounded = (value: number) => Math.max(0, Math.round(value * 10) / 10);
  return {
    network: manifest.network.sha256,
    shape,
    loadedMiB: rounded(loadedMiB),
    runMiB: rounded(runMiB),
    ...(session.threads !== undefined && session.threads > 1 && { threads: session.threads }),
    ...(first.head && { features: first.shape[1] ?? 1 }),
    secondsARun: Number(secondsARun.toPrecision(3)),
  };
}

/** Makes the logits where an answer has a head. */
async function readAll(answer: Answer, { tiles: { patchVox }, network: { classes } }: ModelManifest): Promise<void> {
  const mean = new PassMean({ count: 1, patch: patchVox, tiles: answer.shape[0] ?? 1, classes });
  await mean.add(answer, [false, false, false]);
  for await (const _ of mean.slabs());
}
