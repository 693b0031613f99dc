import { describe, expect, it } from "vitest";
import { GzipStream } from "#src/formats/gzip-stream.js";
import { gzipDeterministic } from "#src/formats/nifti-write.js";

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const LENGTH = 1_500_000;
const random = randomFrom(11);
const KINDS: [string, (i: number) => number][] = [
  ["noise", () => random() * 256],
  ["three values", () => random() * 3],
  ["long runs", (i) => (i >> 9) % 5],
  ["nothing but zeros", () => 0],
  ["repetitions at every distance", (i) => ((i * i) >> 7) % 251],
];

describe("GzipStream", () => {
  it.each(KINDS)("packs what comes part by part into the bytes of one piece: %s", async (_, valueAt) => {
    const bytes = Uint8Array.from({ length: LENGTH }, (_, i) => valueAt(i));
    for (const level of [1, 6] as const) {
      for (const most of [LENGTH, 512 * 512, 70_000]) {
        const gzip = new GzipStream(level);
        const sizes = randomFrom(most);
        for (let at = 0; at < LENGTH; ) {
          const end = most === 512 * 512 ? at + most : at + 1 + Math.floor(sizes() * most);
          gzip.add(bytes.subarray(at, end));
          at = end;
        }
        expect(Buffer.compare(await gzip.finish(), gzipDeterministic(bytes, level))).toBe(0);
      }
    }
  });

  it("may be closed before its end, and after it", async () => {
    const gzip = new GzipStream();
    gzip.add(new Uint8Array(1000));
    gzip.close();
    const other = new GzipStream();
    expect(Buffer.compare(await other.finish(), gzipDeterministic(new Uint8Array()))).toBe(0);
    other.close();
  });
});
