import { describe, expect, it } from "vitest";
import type { RewriteGraph } from "#src/inference/cpu-graph.js";
import type { NetworkSession } from "#src/inference/network-session.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { onnxFile } from "#src/model/onnx/write.js";
import { brightNetwork } from "../../support/tiny-models.js";

const shape = [1, 1, 4, 4, 4];
const input = () => ({ data: Float32Array.from({ length: 64 }, (_, i) => i), shape });
/** A graph as good as any to read, of an operator that the runtime does not have. */
const refused = onnxFile({
  nodes: [{ op: "Nothing", inputs: ["image"], outputs: ["logits"] }],
  constants: [],
  inputs: [{ name: "image", type: "float" }],
  outputs: [{ name: "logits", type: "float" }],
});
/** Its answer would have 64 TiB. */
const vast = onnxFile({
  nodes: [{ op: "Expand", inputs: ["image", "dims"], outputs: ["logits"] }],
  constants: [{ name: "dims", dims: [5], values: BigInt64Array.from([2n ** 44n, 1n, 4n, 4n, 4n]) }],
  inputs: [{ name: "image", type: "float" }],
  outputs: [{ name: "logits", type: "float" }],
});
const asVast: RewriteGraph = () => ({ bytes: vast, outputName: "logits", threads: 1, head: null });
const asTheNetwork: RewriteGraph = () => ({ bytes: refused, outputName: "logits", threads: 1, head: null });
const asTheHead: RewriteGraph = (bytes) => ({
  bytes: bytes.slice(),
  outputName: "logits",
  threads: 1,
  head: { bytes: refused, outputName: "logits", classes: 2 },
});
const open = (workers: number, rewrite?: RewriteGraph): Promise<NetworkSession> =>
  ortSessions("cpu", { workers, ...(rewrite && { rewrite }) })({
    bytes: async () => brightNetwork(),
    ...{ sha256: "", inputName: "image", outputName: "logits", shape },
  });

/** Runs of a session, where it has threads in those, all at once. */
async function answers(session: NetworkSession, isBeside: boolean, readyFor = 0) {
  if (readyFor > 0) await session.ready?.(readyFor);
  const run = isBeside ? session.beside?.run : session.run;
  const all = await Promise.all([1, 2, 3].map(() => run?.(input())));
  await session.close();
  return all.map((answer) => [answer?.data, answer?.shape, answer?.head]);
}

describe("a network that was rewritten into what the runtime refuses", () => {
  it.each([
    { what: "the network", workers: 1, isBeside: false, rewrite: asTheNetwork },
    { what: "the network", workers: 2, isBeside: false, rewrite: asTheNetwork },
    { what: "the network", workers: 2, isBeside: true, rewrite: asTheNetwork },
    { what: "its head", workers: 1, isBeside: false, rewrite: asTheHead },
    { what: "its head", workers: 2, isBeside: false, rewrite: asTheHead },
    { what: "its head", workers: 2, isBeside: true, rewrite: asTheHead },
  ])("runs as it came: $what, $workers workers, in threads: $isBeside", async ({ workers, isBeside, rewrite }) => {
    const expected = await answers(await open(1), false);
    expect(await answers(await open(workers, rewrite), isBeside)).toEqual(expected);
  });

  it.each([
    { what: "the network", runs: 1, rewrite: asTheNetwork },
    { what: "the network", runs: 2, rewrite: asTheNetwork },
    { what: "its head", runs: 1, rewrite: asTheHead },
    { what: "its head", runs: 2, rewrite: asTheHead },
  ])("runs as it came after it was opened early for $runs runs: $what", async ({ runs, rewrite }) => {
    const expected = await answers(await open(1), false);
    expect(await answers(await open(2, rewrite), runs > 1, runs)).toEqual(expected);
  });

  it("is refused where it is none as it came", async () => {
    const garbage = { bytes: async () => Uint8Array.of(1, 2, 3), sha256: "", inputName: "image", outputName: "logits" };
    const opened = ortSessions("cpu", { rewrite: asTheNetwork })(garbage);
    await expect(opened).rejects.toMatchObject({ code: "ModelInvalid" });
    const session = await ortSessions("cpu", { workers: 2, rewrite: asTheNetwork })(garbage);
    await expect(session.run(input())).rejects.toMatchObject({ code: "ModelInvalid" });
    await expect(session.beside?.run(input())).rejects.toMatchObject({ code: "ModelInvalid" });
    await session.close();
  });

  it.each([
    { workers: 1, isBeside: false },
    { workers: 2, isBeside: true },
  ])("does not run as it came for want of memory: $workers workers, in threads: $isBeside", async (given) => {
    const session = await open(given.workers, asVast);
    const run = given.isBeside ? session.beside?.run : session.run;
    await expect(run?.(input())).rejects.toMatchObject({
      code: "MemoryInsufficient",
      message: "no memory for a tensor of 1 x 1 x 4 x 4 x 4 in the network",
    });
    await session.close();
  });
});
