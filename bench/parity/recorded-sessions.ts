import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OpenSession } from "#src/inference/network-session.js";

/**
 * Sessions that write down every answer: `<folder>/<digest of the network>/<digest of a tile>`, float32 as they are.
 * Another program that asks the same network the same tile can then be given the same answer.
 */
export function recordedSessions(open: OpenSession, folder: string): OpenSession {
  return async (request) => {
    // Logits as a whole.
    const session = await open({ ...request, takesFeatures: false });
    const place = join(folder, request.sha256);
    mkdirSync(place, { recursive: true });
    return {
      async run(input) {
        // What comes back may be the input's own memory: its digests are taken before.
        const tiles = parts(input.data, input.shape[0] ?? 1);
        const names = tiles.map((tile) => createHash("sha256").update(bytesOf(tile)).digest("hex"));
        const output = await session.run(input);
        for (const [n, answer] of parts(output.data, tiles.length).entries()) {
          writeFileSync(join(place, names[n] ?? ""), bytesOf(answer));
        }
        return output;
      },
      close: () => session.close(),
    };
  };
}

function parts(data: Float32Array, count: number): Float32Array[] {
  const length = data.length / count;
  return Array.from({ length: count }, (_, n) => data.subarray(n * length, (n + 1) * length));
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
