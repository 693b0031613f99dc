import { readFileSync } from "node:fs";
import { z } from "zod";

/**
 * The table of `bench/engine/run.sh`: medians of each case and program, and how they compare with ours.
 *
 * @example node --conditions=development --import tsx bench/engine/table.ts <engine.jsonl>
 */
const Run = z.object({
  case: z.string(),
  run: z.string(),
  scans: z.int(),
  seconds: z.number(),
  cpuSeconds: z.number().nullable(),
  peakMib: z.number(),
  end: z.string(),
  networkSeconds: z.number().nullable(),
  loadBefore: z.number(),
});
type Run = z.infer<typeof Run>;

const NAMES = new Map([
  ["single", "nnUNetv2_predict, one process"],
  ["default", "nnUNetv2_predict, its default"],
  ["monai", "MONAI sliding window, torch"],
  ["ours", "scanlane run"],
]);
/** A result with warnings is one: exit code 3. */
const succeeded = ({ end }: Run) => end === "0" || end === "3";
const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

const grouped = (of: readonly Run[], key: (run: Run) => string): Map<string, Run[]> => {
  const groups = new Map<string, Run[]>();
  for (const run of of) groups.set(key(run), [...(groups.get(key(run)) ?? []), run]);
  return groups;
};

const runs = readFileSync(process.argv[2] ?? "", "utf8")
  .trim()
  .split("\n")
  .map((line) => Run.parse(JSON.parse(line)));
console.log(
  "| Case | Program | Runs | s a scan | of it in the network | CPU s a scan | Peak MiB | Time, ours = 1 | CPU, ours = 1 | Memory, ours = 1 |",
);
console.log("|---|---|---|---|---|---|---|---|---|---|");
for (const [name, ofCase] of grouped(runs, (run) => run.case)) {
  const byProgram = grouped(ofCase, ({ run }) => run);
  const figures = (of: readonly Run[]) => {
    const good = of.filter(succeeded);
    const network = good.flatMap(({ networkSeconds, scans }) =>
      networkSeconds === null ? [] : [networkSeconds / scans],
    );
    return {
      runs: good.length,
      seconds: median(good.map(({ seconds, scans }) => seconds / scans)),
      cpu: median(good.map(({ cpuSeconds, scans }) => (cpuSeconds ?? 0) / scans)),
      network: network.length === 0 ? "" : median(network).toFixed(2),
      mib: median(good.map(({ peakMib }) => peakMib)),
    };
  };
  const ours = figures(byProgram.get("ours") ?? []);
  for (const [program, of] of byProgram) {
    const cells = [name, NAMES.get(program) ?? program];
    const failed = of.find((run) => !succeeded(run));
    if (!of.some(succeeded)) {
      const why = failed?.end.startsWith("ended") ? failed.end : `exit ${failed?.end}`;
      console.log(`| ${[...cells, 0, why, "", "", failed?.peakMib.toFixed(0), "", "", ""].join(" | ")} |`);
      continue;
    }
    const one = figures(of);
    const ratios = [one.seconds / ours.seconds, one.cpu / ours.cpu, one.mib / ours.mib].map((ratio) =>
      ratio.toFixed(2),
    );
    const numbers = [one.runs, one.seconds.toFixed(2), one.network, one.cpu.toFixed(2), one.mib.toFixed(0)];
    console.log(`| ${[...cells, ...numbers, ...ratios].join(" | ")} |`);
  }
}
