import { loadavg } from "node:os";
import { AnswerSpread } from "#src/inference/answer-spread.js";

// What the disagreement of answers costs, without the network: processor time a voxel of a tile, class and answer.
// node --conditions=development --import tsx bench/disagreement.ts

const VOXELS = 32 * 32 * 32;
const ANSWERS = 5;
const RUNS = 7;

for (const classes of [3, 30, 104]) {
  const logits = Float32Array.from(
    { length: classes * VOXELS },
    (_, i) => 8 * Math.sin(i * 0.37) * Math.cos(i * 0.0011),
  );
  const spread = new AnswerSpread(classes, "softmax", VOXELS);
  const times = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage();
    for (let n = 0; n < ANSWERS; n++) spread.add({ logits, offset: 0, stride: VOXELS, first: 0, count: VOXELS });
    spread.take(ANSWERS);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / (classes * VOXELS * ANSWERS);
  });
  const median = times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
  console.log(`${classes} classes: ${median.toFixed(1)} ns, load ${loadavg()[0]?.toFixed(1)}`);
}
