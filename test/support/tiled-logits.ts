import { readFile } from "node:fs/promises";
import { sha256 } from "#src/core/ids.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { predictLogits } from "#src/inference/predict-logits.js";
import { ModelManifest } from "#src/model/manifest.js";

const folder = new URL("../../models/hippocampus-unet3d/", import.meta.url);
const SIZE = [16, 16, 32] as const;

/**
 * Digest of a 3-D network's logits on noise: two copies of it as folds, three tiles, each mirrored along x.
 *
 * @param workers runs under way at once
 * @param threads of a session, another number than the product's
 */
export async function digestOfTiledLogits(workers: number, threads?: number): Promise<string> {
  const json = JSON.parse(await readFile(new URL("manifest.json", folder), "utf8"));
  const manifest = ModelManifest.parse({
    ...json,
    tiles: { ...json.tiles, patchVox: [16, 16, 16] },
    mirrorAxes: ["x"],
  });
  const bytes = await readFile(new URL(manifest.network.file, folder));
  const open = ortSessions("cpu", { workers, ...(threads !== undefined && { threads }) });
  const request = { ...manifest.network, shape: [1, 1, 16, 16, 16], bytes: async () => bytes };
  // Such short runs would not be worth the start of a thread.
  const sessions = [await open(request), await open(request)].map(({ beside, ...session }) => ({
    ...session,
    ...(beside && { beside: { ...beside, isStarted: () => true } }),
  }));
  const noise = new Float32Array(SIZE[0] * SIZE[1] * SIZE[2]);
  for (let i = 0, seed = 1; i < noise.length; i++) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    noise[i] = seed / 2 ** 31 - 0.5;
  }
  const digests: string[] = [];
  await predictLogits({ size: SIZE, channels: [noise] }, manifest, sessions, (_, classes) => {
    for (const { buffer, byteOffset, byteLength } of classes) {
      digests.push(sha256(new Uint8Array(buffer, byteOffset, byteLength)));
    }
  });
  await Promise.all(sessions.map((session) => session.close()));
  return sha256(digests.join());
}

if (process.argv[1]?.endsWith("tiled-logits.ts"))
  process.stdout.write(await digestOfTiledLogits(Number(process.argv[2])));
