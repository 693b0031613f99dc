import { readFileSync } from "node:fs";
import { z } from "zod";

// The tables of docs/bench/preflight.md of a `preflight.jsonl`: predicted and measured memory and time of each case, the
// last line of a stage counts, and how far off the predictions are.
// node --conditions=development --import tsx bench/preflight/table.ts <preflight.jsonl>

const Row = z.object({
  name: z.string(),
  isFitted: z.boolean(),
  stage: z.string(),
  predicted: z.object({ memoryMiB: z.number(), cpuSeconds: z.number() }).partial().optional(),
  peakMiB: z.number(),
  cpuSeconds: z.number().optional(),
  facts: z.object({ tileSeconds: z.number(), tileSecondsPredicted: z.number() }).partial(),
});
const STAGES = ["preprocess", "segment", "postprocess", "publish"];
const [, , file = ""] = process.argv;
const cases = new Map<string, Map<string, z.infer<typeof Row>>>();
for (const line of readFileSync(file, "utf8").trim().split("\n")) {
  const row = Row.parse(JSON.parse(line));
  const stages = cases.get(row.name) ?? new Map();
  cases.set(row.name, stages.set(row.stage, row));
}

const offs = new Map<string, number[]>();
function cell(what: string, predicted: number | undefined, measured: number | undefined, show: (n: number) => string) {
  if (predicted === undefined || measured === undefined) return "–";
  const percent = (predicted / measured - 1) * 100;
  offs.set(what, [...(offs.get(what) ?? []), percent]);
  return `${show(predicted)} / ${show(measured)}, ${signed(percent)}`;
}
const signed = (percent: number): string => `${percent < -0.5 ? "−" : "+"}${Math.abs(percent).toFixed(0)} %`;

const memory: string[] = [];
const time: string[] = [];
for (const [name, stages] of cases) {
  const kind = [...stages.values()].some(({ isFitted }) => isFitted) ? "fitted" : "held out";
  const cells = (of: (row: z.infer<typeof Row>) => string) =>
    STAGES.map((stage) => {
      const row = stages.get(stage);
      return row ? of(row) : "–";
    });
  const whole = cells(({ stage, predicted, peakMiB }) =>
    cell(`memory, ${stage}, ${kind}`, predicted?.memoryMiB, peakMiB, String),
  );
  const seconds = cells(({ stage, predicted, cpuSeconds }) =>
    cell(`time, ${stage}, ${kind}`, predicted?.cpuSeconds, cpuSeconds, (n) => String(Number(n.toPrecision(2)))),
  );
  const { tileSeconds, tileSecondsPredicted } = stages.get("segment")?.facts ?? {};
  const tiles =
    tileSeconds && tileSecondsPredicted ? [tileSecondsPredicted, tileSeconds].map((n) => n.toFixed(1)) : ["–"];
  memory.push(`| ${name} | ${kind} | ${whole.join(" | ")} |`);
  time.push(`| ${name} | ${seconds.join(" | ")} | ${tiles.join(" / ")} |`);
}
console.log(
  ["| Case | | Preprocess | Segment | Postprocess | Publish |", "|---|---|---|---|---|---|", ...memory, ""].join("\n"),
);
console.log(
  ["| Case | Preprocess | Segment | Postprocess | Publish | tiles |", "|---|---|---|---|---|---|", ...time, ""].join(
    "\n",
  ),
);
for (const [what, percents] of offs) {
  const sorted = percents.toSorted((a, b) => a - b);
  const [least, median, most] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((n) => signed(n ?? 0));
  console.log(`${what}: ${sorted.length} cases, ${least} to ${most}, median ${median}`);
}
