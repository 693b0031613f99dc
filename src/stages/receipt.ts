import { z } from "zod";
import type { Stage } from "#src/storage/keys.js";
import { type ComputePlace, CostRange, type PriceTable, secondPrice } from "#src/workflow/prices.js";

/** What one task used of Step Functions and of compute, and the estimate of what that costs. */
export const Receipt = z.strictObject({
  /** Transitions of the workflow without retries; those of the execution itself are counted with its first task. */
  stateTransitions: z.int().min(0),
  /** In US dollars. Null where something has no known price, which is not 0. */
  cost: CostRange.nullable(),
  /** What has none. */
  unpriced: z.array(z.string()),
  /** What was paid by: null where nothing was priced. */
  prices: z.strictObject({ region: z.string(), date: z.string() }).nullable(),
});
export type Receipt = z.infer<typeof Receipt>;

export interface StageSeconds {
  readonly stage: Stage;
  readonly seconds: number;
  /** Null for a record of before places were recorded. */
  readonly place: ComputePlace | null;
}

/** Inspect, Tasks, Summarise, AllPublished, Published. */
const OF_EXECUTION = 5;
/** WherePreprocess, Segment, Postprocess, WherePublish, and Preprocess and Publish in one of two ways. */
const OF_TASK = 6;

/**
 * The receipt of a published task. Left out: Inspect, tries that failed, the start of instances, requests and storage.
 *
 * @param isFirst whether it is the scan's first task
 */
export function receiptOf(stages: readonly StageSeconds[], isFirst: boolean, prices: PriceTable): Receipt {
  const places = stages.map(({ place }) => place);
  // PublishJob comes before Publish, which finds that it was done.
  const isJob = places[0] != null && places[0].kind !== "lambda";
  const stateTransitions = OF_TASK + (isJob ? 1 : 0) + (isFirst ? OF_EXECUTION : 0);
  if (places.every((place) => place?.kind === "local")) {
    return { stateTransitions: 0, cost: null, unpriced: ["this machine"], prices: null };
  }
  const cost = { low: stateTransitions * prices.stateTransition, high: stateTransitions * prices.stateTransition };
  const unpriced = new Set<string>();
  for (const { stage, seconds, place } of stages) {
    const second = place && secondPrice(place, prices);
    if (second === null) unpriced.add(place === null ? `${stage}: place not recorded` : nameOf(place));
    const request = place?.kind === "lambda" ? prices.lambda.request : 0;
    cost.low += seconds * (second?.low ?? 0) + request;
    cost.high += seconds * (second?.high ?? 0) + request;
  }
  return {
    stateTransitions,
    cost: unpriced.size === 0 ? cost : null,
    unpriced: [...unpriced],
    prices: { region: prices.region, date: prices.date },
  };
}

function nameOf(place: ComputePlace): string {
  return place.kind === "instance" ? `instances ${place.types.join(", ")}` : "this machine";
}
