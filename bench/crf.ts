import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";

/**
 * The dense CRF beside pydensecrf on the same inputs, lattices included: time, peak memory of a process each, and how
 * far their labels agree. Processes take turns; a process does one round to warm up and then `--repeats`.
 *
 * @example node --conditions=development --import tsx bench/crf.ts --python <python with pydensecrf and scipy>
 */
const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    rounds: { type: "string", default: "5" },
    repeats: { type: "string", default: "3" },
    threads: { type: "string", default: "1,2" },
  },
});
interface Run {
  readonly seconds: number[];
  readonly cpu: number[];
  readonly peakMb: number;
  readonly beforeMb: number;
}
interface Case {
  readonly name: string;
  readonly points: number;
  readonly labels: number;
  readonly d: number;
}
const here = import.meta.dirname;
const oracle = join(here, "crf-oracle.py");
const folder = mkdtempSync(join(tmpdir(), "crf-"));
const repeats = Number(values.repeats);
const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
const floats = (name: string): Float32Array => {
  const bytes = readFileSync(join(folder, name));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};

try {
  // As it is shipped, without the loader that reads TypeScript.
  const bundle = join(folder, "run.mjs");
  await build({
    entryPoints: [join(here, "crf-run.ts")],
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["development"],
    logLevel: "error",
  });
  const python = (...args: string[]): string =>
    execFileSync(values.python, [oracle, ...args], { encoding: "utf8", env: { ...process.env, OMP_NUM_THREADS: "1" } });
  const { cases, iterations } = JSON.parse(python("inputs", folder)) as { cases: Case[]; iterations: number };
  const threads = values.threads.split(",");
  for (const [n, { name, ...shape }] of cases.entries()) {
    const theirs: Run[] = [];
    const ours = new Map<string, Run[]>(threads.map((t) => [t, []]));
    const before = loadavg()[0] ?? 0;
    for (let round = 0; round < Number(values.rounds); round++) {
      theirs.push(JSON.parse(python("run", folder, String(n), String(repeats + 1))) as Run);
      for (const [t, runs] of ours) {
        const args = [bundle, folder, String(n), String(repeats + 1), t, JSON.stringify({ ...shape, iterations })];
        runs.push(JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Run);
      }
    }
    const time = (runs: readonly Run[]) => runs.flatMap(({ seconds }) => seconds.slice(1));
    const show = (who: string, runs: readonly Run[], note = "") => {
      const all = time(runs);
      const ratio = median(time(theirs)) / median(all);
      const least = Math.min(...time(theirs)) / Math.min(...all);
      const cpu = runs.flatMap((run) => run.cpu.slice(1));
      console.log(
        `  ${who.padEnd(18)} median ${(1000 * median(all)).toFixed(0)} ms (${ratio.toFixed(2)} x), least ${(1000 * Math.min(...all)).toFixed(0)} ms (${least.toFixed(2)} x),`,
        `first ${(1000 * median(runs.map(({ seconds }) => seconds[0] ?? 0))).toFixed(0)} ms,`,
        `CPU ${(1000 * median(cpu)).toFixed(0)} ms,`,
        `peak ${median(runs.map(({ peakMb }) => peakMb)).toFixed(0)} MB, grown by ${median(runs.map((run) => run.peakMb - run.beforeMb)).toFixed(0)}${note}`,
      );
    };
    console.log(`${name} (load ${before.toFixed(1)} to ${(loadavg()[0] ?? 0).toFixed(1)})`);
    show("pydensecrf", theirs);
    for (const [t, runs] of ours) show(`ours, ${t} thread${t === "1" ? "" : "s"}`, runs, `; ${agreement(n, shape, t)}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

function agreement(n: number, { points, labels }: Omit<Case, "name">, threads: string): string {
  const theirs = floats(`${n}.q`);
  const ours = floats(`${n}.ours${threads}`);
  const likeliest = (q: Float32Array, i: number): number => {
    let best = 0;
    for (let l = 1; l < labels; l++) if ((q[l * points + i] ?? 0) > (q[best * points + i] ?? 0)) best = l;
    return best;
  };
  let differing = 0;
  let worst = 0;
  for (let i = 0; i < points; i++) if (likeliest(ours, i) !== likeliest(theirs, i)) differing++;
  for (let i = 0; i < theirs.length; i++) worst = Math.max(worst, Math.abs((theirs[i] ?? 0) - (ours[i] ?? 0)));
  return `${(100 * (1 - differing / points)).toFixed(4)} % of labels agree, marginals to ${worst.toExponential(1)}`;
}
