import { readFile } from "node:fs/promises";
import { sha256 } from "#src/core/ids.js";
import { ortSessions } from "#src/inference/ort-session.js";

// What the number of threads changes: digest of a network's logits on noise, how far they are from one thread's, and
// the median of five runs, the numbers of threads by turns.
// node --conditions=development --import tsx bench/threads.ts <network.onnx> <shape, e.g. 1x1x40x56x40>

const [, , file = "", shapeText = ""] = process.argv;
const shape = shapeText.split("x").map(Number);
const bytes = await readFile(file);
const request = { bytes: async () => bytes, sha256: sha256(bytes), inputName: "image", outputName: "logits", shape };

const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
for (let i = 0, seed = 1; i < data.length; i++) {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  data[i] = seed / 2 ** 31 - 0.5;
}

const runs = [];
for (const threads of [1, 2, 3, 4]) {
  const session = await ortSessions("cpu", { threads })(request);
  runs.push({ threads, session, milliseconds: [] as number[], logits: new Float32Array() });
}
for (let round = 0; round < 5; round++) {
  for (const run of runs) {
    const started = performance.now();
    const output = await run.session.run({ data, shape });
    run.milliseconds.push(performance.now() - started);
    run.logits = Float32Array.from(output.data);
  }
}
const [one] = runs;
for (const { threads, session, milliseconds, logits } of runs) {
  const worst = logits.reduce((most, value, i) => Math.max(most, Math.abs(value - (one?.logits[i] ?? 0))), 0);
  const median = milliseconds.toSorted((a, b) => a - b)[2] ?? 0;
  const digest = sha256(new Uint8Array(logits.buffer)).slice(0, 8);
  console.log(`${threads} threads: ${digest}, at most ${worst.toExponential(1)} from one, ${median.toFixed(0)} ms`);
  await session.close();
}
