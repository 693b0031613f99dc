import { readFile, writeFile } from "node:fs/promises";
import { randomFrom } from "#src/evaluate/random.js";
import { LIST_PRICES, secondPrice } from "#src/workflow/prices.js";
import { QUOTAS } from "./quotas.js";
import { type Arrival, type Outcome, type Setting, type StageTimes, simulate } from "./simulate.js";

// Simulates days of a deployment from measured stage times and writes docs/scale.md.
// node --conditions=development --import tsx bench/simulation/scale.ts

const HOUR = 3600;
const TYPES = ["g4dn.xlarge", "g5.xlarge", "g4dn.2xlarge"];
const measured: { processor: string; processors: number; scans: { model: string; seconds: StageTimes }[] } = JSON.parse(
  await readFile("bench/simulation/measured.json", "utf8"),
);
const times = measured.scans.map(({ seconds }) => seconds);
/** A network and an image that take so many times as long as the measured ones. */
const LARGE = 30;
const large = times.map((one) => ({ ...one, segment: one.segment * LARGE, preprocess: one.preprocess * 5 }));

const DEFAULTS: Setting = {
  seed: 1,
  measured: times,
  instances: 16,
  weights: { stat: 0.25, bulk: 1 },
  shareDecaySeconds: HOUR,
  computeReservation: 10,
  startSeconds: 240,
  jobSeconds: 10,
  idleSeconds: 300,
  reclaimsAnHour: 0.05,
  attempts: 3,
  bulkConcurrency: 200,
  order: "fair",
};

/** Arrivals at random of a rate that changes with the hour of the day, from the first hour on. */
function hospital(days: number, seed: number, scansADay: number): Arrival[] {
  const random = randomFrom(seed);
  const rate = (hour: number) => (hour >= 8 && hour < 18 ? 8 : 1);
  const total = Array.from({ length: 24 }, (_, hour) => rate(hour)).reduce((sum, one) => sum + one, 0);
  const arrivals: Arrival[] = [];
  for (let hour = 0; hour < days * 24; hour++) {
    const mean = (scansADay * rate(hour % 24)) / total;
    for (let at = -Math.log(1 - random()) / mean; at < 1; at += -Math.log(1 - random()) / mean) {
      arrivals.push({ at: (hour + at) * HOUR, share: "stat" });
    }
  }
  return arrivals;
}

const backfill = (scans: number): Arrival[] => Array.from({ length: scans }, () => ({ at: 0, share: "bulk" }));

const beside = (days: number, scansADay: number) => [...backfill(100_000), ...hospital(days, 1, scansADay)];

const cases: [string, Arrival[], Partial<Setting>][] = [
  ["a hospital day, 400 scans", hospital(1, 1, 400), {}],
  ["the same, large scans", hospital(1, 1, 400), { measured: large }],
  ["backfill alone", backfill(100_000), {}],
  ["backfill beside 400 STAT a day", beside(20, 400), {}],
  ["the same in one queue, first in first out", beside(20, 400), { order: "fifo" }],
  ["5,000 bulk scans under way", beside(20, 400), { bulkConcurrency: 5000 }],
  ["the same in one queue, first in first out", beside(20, 400), { bulkConcurrency: 5000, order: "fifo" }],
  ["backfill beside 20,000 STAT a day", beside(20, 20_000), {}],
  ["large scans beside 400 STAT a day", beside(20, 400), { measured: large }],
  ["the same, each instance reclaimed once an hour", beside(20, 400), { measured: large, reclaimsAnHour: 1 }],
];

const rows = cases.map(([name, arrivals, setting]) => row(name, simulate(arrivals, { ...DEFAULTS, ...setting })));

function row(name: string, outcome: Outcome): string {
  const { stat, bulk } = outcome.latency;
  const at = (values: Float64Array, share: number) =>
    values.length === 0 ? "-" : String(Math.round(values[Math.floor((values.length - 1) * share)] ?? 0));
  // The first hour starts instances and the last is not whole.
  const whole = outcome.bulkByHour.slice(1, -1);
  const price = secondPrice({ kind: "instance", types: TYPES, spot: "unknown" }, LIST_PRICES);
  if (price === null) throw new RangeError("an instance type has no price");
  const lambda = secondPrice(
    { kind: "lambda", memoryMiB: 10_240, scratchMiB: 10_240, architecture: "arm64" },
    LIST_PRICES,
  );
  const scans = stat.length + bulk.length;
  const fixed = scans * 11 * LIST_PRICES.stateTransition + outcome.lambdaSeconds * (lambda?.high ?? 0);
  const dollars = (second: number) => Math.round(outcome.instanceSeconds * second + fixed).toLocaleString("en-US");
  return `| ${[
    name,
    `${at(stat, 0.5)} / ${at(stat, 0.95)} / ${at(stat, 0.99)}`,
    `${at(bulk, 0.5)} / ${at(bulk, 0.95)}`,
    whole.length === 0 ? "-" : `${Math.min(...whole)} to ${Math.max(...whole)}`,
    bulk.length === 0 ? "-" : (outcome.endSeconds / HOUR).toFixed(1),
    (outcome.instanceSeconds / HOUR).toFixed(0),
    `${((100 * outcome.busySeconds) / outcome.instanceSeconds).toFixed(0)} %`,
    `${dollars(price.low)} to ${dollars(price.high)}`,
    `${outcome.reclaimed} / ${outcome.lost}`,
  ].join(" | ")} |`;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const stages = (["preprocess", "segment", "postprocess", "publish"] as const)
  .map((stage) => `${stage} ${median(times.map((one) => one[stage])).toFixed(2)}`)
  .join(", ");

const text = `# Scale

This page is written by \`bench/simulation/scale.ts\`. None of it was run on AWS: it is a simulation, and quotas as AWS
documents them.

## What is simulated

Events from the arrival of a scan to its result: Preprocess and Publish as functions, which do not wait; Segment and
Postprocess as jobs, each of which fills one of ${DEFAULTS.instances} instances (64 vCPUs, the default of \`maxVcpus\`). STAT and bulk share them
by the rule of AWS Batch: the share with the least weighted use goes first (weights ${DEFAULTS.weights.stat} and ${DEFAULTS.weights.bulk}, as deployed; use halves
in an hour), and ${DEFAULTS.computeReservation} % of the instances are kept for the share that is not there.

Stage times are drawn from ${times.length} real scans of two models, measured on ${measured.processors} cores of ${measured.processor.trim()} without a GPU
(\`bench/simulation/measured.json\`; medians in seconds: ${stages}). Large scans take ${LARGE} times as long in
Segment and 5 times as long in Preprocess; that is an assumption, and so are these: an instance is ready after
${DEFAULTS.startSeconds} s, a job takes ${DEFAULTS.jobSeconds} s besides its stage to load container and model, an instance goes after ${DEFAULTS.idleSeconds} s without work, and is reclaimed ${DEFAULTS.reclaimsAnHour} times an hour. A reclaimed job is tried again, ${DEFAULTS.attempts} times
in all. A backfill has ${DEFAULTS.bulkConcurrency} scans under way.

## What comes of it

Latency in seconds from arrival (of bulk: from its start) to the result. Cost in US dollars, from Spot at its cheapest
to On-Demand at its dearest, with instances that start and wait; prices of ${LIST_PRICES.date}, ${LIST_PRICES.region}.

| | STAT p50 / p95 / p99 | bulk p50 / p95 | bulk an hour | hours to the end | GPU hours | busy | cost | reclaimed / given up |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

A backfill is 100,000 scans. STAT scans are counted while it runs. Where nothing else runs, a STAT scan waits for an
instance to start: that is the ${DEFAULTS.startSeconds} s. Batch starts each job anew, so that small scans cost what loading costs: several
scans a job would be cheaper, which is not built.

## Quotas that bind

| Quota | Default | Binds at | What to do |
| --- | --- | --- | --- |
${QUOTAS.map(({ name, value, bindsAt, remedy, source }) => `| [${name}](${source}) | ${value} | ${bindsAt} | ${remedy} |`).join("\n")}

A scan of one image takes 11 state transitions, 17 in a backfill, two jobs and up to three functions. Numbers of AWS
change; those of one's own account are in Service Quotas.
`;
await writeFile("docs/scale.md", text);
console.log(text);
