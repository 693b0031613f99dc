import { readFile } from "node:fs/promises";
import { sha256 } from "#src/core/ids.js";
import { ortSessions } from "#src/inference/ort-session.js";

// Processor seconds of one tile with 3-D convolutions as they are and as 2-D ones (docs/decisions/0022), by turns: the
// fastest and the median of seven, and how far the logits are from each other.
// node --conditions=development --import tsx bench/planar.ts <network.onnx> <shape, e.g. 1x1x40x56x40>

const [, , file = "", shapeText = ""] = process.argv;
const shape = shapeText.split("x").map(Number);
const bytes = await readFile(file);
const request = { bytes: async () => bytes, sha256: sha256(bytes), inputName: "image", outputName: "logits" };

const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
for (let i = 0, seed = 1; i < data.length; i++) {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  data[i] = seed / 2 ** 31 - 0.5;
}

const open = ortSessions("cpu");
const ways = [
  { name: "as it is", session: await open(request), seconds: [] as number[], logits: new Float32Array() },
  { name: "as 2-D", session: await open({ ...request, shape }), seconds: [] as number[], logits: new Float32Array() },
];
for (let round = 0; round < 8; round++) {
  for (const way of ways) {
    const started = process.cpuUsage();
    const answer = await way.session.run({ data, shape });
    const { user, system } = process.cpuUsage(started);
    // The first run of each makes room for its tensors.
    if (round > 0) way.seconds.push((user + system) / 1e6);
    way.logits = Float32Array.from(answer.data);
    answer.free?.();
  }
}
const [plain, planar] = ways;
const span = plain?.logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const apart = plain?.logits.reduce((most, value, i) => Math.max(most, Math.abs(value - (planar?.logits[i] ?? 0))), 0);
for (const { name, seconds } of ways) {
  const sorted = seconds.toSorted((a, b) => a - b);
  console.log(`${name}: ${sorted[0]?.toFixed(3)} s, median ${sorted[3]?.toFixed(3)} s`);
}
console.log(`logits up to ${span?.toFixed(1)}, at most ${apart?.toExponential(1)} from each other`);
for (const { session } of ways) await session.close();
