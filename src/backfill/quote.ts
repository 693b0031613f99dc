import { z } from "zod";
import { type ComputePlace, CostRange, type PriceTable, secondPrice } from "#src/workflow/prices.js";

/** What one finished scan took: where a forecast comes from. */
export interface MeasuredScan {
  readonly sourceBytes: number;
  readonly stages: readonly MeasuredStage[];
}

export interface MeasuredStage {
  readonly stage: string;
  readonly seconds: number;
  readonly place: ComputePlace;
}

const range = z.strictObject({ low: z.number(), middle: z.number(), high: z.number() });
export type Forecast = z.infer<typeof range>;

/** What many scans would take and cost, said before the first is started. */
export const Quote = z.strictObject({
  scans: z.int().min(0),
  bytes: z.int().min(0),
  /** How many measured scans it comes from; of none there is no forecast. */
  measured: z.int().min(0),
  /** Hours of compute of all stages; null without measurements. */
  hours: range.nullable(),
  /** Hours of stages that ran on instances with a GPU. */
  gpuHours: range.nullable(),
  /** US dollars; null without measurements, and where a place has no known price. */
  cost: CostRange.nullable(),
  unpriced: z.array(z.string()),
});
export type Quote = z.infer<typeof Quote>;

/** Shares of the measured scans between which the interval lies. */
const [LOW, HIGH] = [0.1, 0.9];
/** A scan of one image, with all its stages in functions and jobs: what `stages/receipt.ts` counts. */
const TRANSITIONS = 11;
/** Begin, ToBegin, Run, Settle, Outcome, Finished: what the backfill adds to a scan. */
const BACKFILL_TRANSITIONS = 6;

/**
 * Foretells a backfill from sizes alone. Each stage's seconds a byte are taken from the measured scans; low and high are
 * the 10th and the 90th percentile of these rates. The spread is not divided by the root of the number of scans: what
 * the scans to come have in common (another scanner, another model) does not average out.
 *
 * @param sizes bytes of each scan to come
 */
export function quoteOf(sizes: readonly number[], measured: readonly MeasuredScan[], prices: PriceTable): Quote {
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const known = measured.filter(({ sourceBytes, stages }) => sourceBytes > 0 && stages.length > 0);
  const base = { scans: sizes.length, bytes, measured: known.length };
  if (known.length === 0) {
    return { ...base, hours: null, gpuHours: null, cost: null, unpriced: ["nothing was measured"] };
  }
  const hours = hoursOf(known, bytes, () => true);
  const gpuHours = hoursOf(known, bytes, ({ kind }) => kind === "instance");
  const unpriced = new Set<string>();
  const rates = known.map(({ sourceBytes, stages }) => {
    let [low, high] = [0, 0];
    for (const { place, seconds } of stages) {
      const second = secondPrice(place, prices);
      if (second === null) unpriced.add(place.kind === "instance" ? place.types.join(", ") : "this machine");
      low += (seconds * (second?.low ?? 0)) / sourceBytes;
      high += (seconds * (second?.high ?? 0)) / sourceBytes;
    }
    return { low, high };
  });
  const fixed = sizes.length * (TRANSITIONS + BACKFILL_TRANSITIONS) * prices.stateTransition;
  const cost = {
    low:
      fixed +
      bytes *
        quantile(
          rates.map(({ low }) => low),
          LOW,
        ),
    high:
      fixed +
      bytes *
        quantile(
          rates.map(({ high }) => high),
          HIGH,
        ),
  };
  return { ...base, hours, gpuHours, cost: unpriced.size === 0 ? cost : null, unpriced: [...unpriced] };
}

function hoursOf(known: readonly MeasuredScan[], bytes: number, counts: (place: ComputePlace) => boolean): Forecast {
  const rates = known.map(({ sourceBytes, stages }) => {
    const seconds = stages.reduce((sum, stage) => sum + (counts(stage.place) ? stage.seconds : 0), 0);
    return seconds / sourceBytes;
  });
  const at = (share: number) => (bytes * quantile(rates, share)) / 3600;
  return { low: at(LOW), middle: at(0.5), high: at(HIGH) };
}

/** With linear interpolation between order statistics. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(rank)] ?? 0, sorted[Math.ceil(rank)] ?? 0];
  return below + (above - below) * (rank - Math.floor(rank));
}
