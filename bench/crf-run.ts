// One case of bench/crf.ts in a process of its own: `<folder> <case> <repeats> <threads> <description of the cases>`.
import { readFileSync, writeFileSync } from "node:fs";
import { denseCrf } from "#src/refine/crf/dense-crf.js";

const [folder = "", n = "0", repeats = "1", threads = "1", cases = ""] = process.argv.slice(2);
const { points, labels, d, iterations } = JSON.parse(cases) as Record<string, number>;
if (points === undefined || labels === undefined || d === undefined || iterations === undefined) {
  throw new Error("a case needs points, labels, d and iterations");
}
function floats(name: string): Float32Array {
  const bytes = readFileSync(`${folder}/${n}.${name}`);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
const given = floats("p");
const probabilities = Array.from({ length: labels }, (_, l) => given.subarray(l * points, (l + 1) * points));
const kernels = [
  { features: floats("near"), dimensions: d, weight: 3 },
  { features: floats("alike"), dimensions: d + 1, weight: 10 },
];
const beforeMb = process.resourceUsage().maxRSS / 1024;
const seconds: number[] = [];
const cpu: number[] = [];
let marginals: readonly Float32Array[] = [];
for (let r = 0; r < Number(repeats); r++) {
  const start = performance.now();
  const used = process.cpuUsage();
  ({ marginals } = denseCrf({ probabilities, kernels, iterations, threads: Number(threads) }));
  seconds.push((performance.now() - start) / 1000);
  const { user, system } = process.cpuUsage(used);
  cpu.push((user + system) / 1e6);
}
const peakMb = process.resourceUsage().maxRSS / 1024;
writeFileSync(`${folder}/${n}.ours${threads}`, Buffer.concat(marginals.map((m) => Buffer.from(m.buffer))));
console.log(JSON.stringify({ seconds, cpu, peakMb, beforeMb }));
