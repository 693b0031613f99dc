import { z } from "zod";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import listPrices from "./prices.json" with { type: "json" };

const price = z.number().min(0);

/** What compute costs, in US dollars: a file that whoever pays otherwise may replace. */
export const PriceTable = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  region: z.string().min(1),
  currency: z.literal("USD"),
  /** The day that the prices are of, and where they are from. */
  date: z.iso.date(),
  source: z.string().min(1),
  stateTransition: price,
  lambda: z.strictObject({
    request: price,
    gbSecond: z.strictObject({ arm64: price, x64: price }),
    /** Of scratch beyond the first 512 MiB. */
    scratchGbSecond: price,
  }),
  /** `scratchGbHour`: beyond the first 20 GB. */
  fargate: z.strictObject({ vcpuHour: price, gbHour: price, scratchGbHour: price }),
  /** On-Demand, by instance type. A type that is not here has no known price, which is not 0. */
  instanceHour: z.record(z.string(), price),
  /** What Spot costs of it, least and most. */
  spotShareOfOnDemand: z
    .tuple([z.number().min(0).max(1), z.number().min(0).max(1)])
    .refine(([least, most]) => least <= most, "least is above most"),
});
export type PriceTable = z.infer<typeof PriceTable>;

/** List prices of one region. */
export const LIST_PRICES: PriceTable = PriceTable.parse(listPrices);

/** Where a stage ran, as far as it decides what a second costs. */
export const ComputePlace = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("local") }),
  z.strictObject({
    kind: z.literal("lambda"),
    memoryMiB: z.int().min(1),
    scratchMiB: z.int().min(0),
    architecture: z.enum(["arm64", "x64"]),
  }),
  z.strictObject({
    kind: z.literal("fargate"),
    vcpus: z.number().positive(),
    memoryMiB: z.int().min(1),
    scratchGiB: z.int().min(0),
  }),
  z.strictObject({
    kind: z.literal("instance"),
    /** One of these: a container is not told which. */
    types: z.array(z.string().min(1)).min(1),
    spot: z.enum(["yes", "no", "unknown"]),
  }),
]);
export type ComputePlace = z.infer<typeof ComputePlace>;

/** Least and most that something costs, in US dollars. */
export const CostRange = z.strictObject({ low: price, high: price });
export type CostRange = z.infer<typeof CostRange>;

/** What a second costs there; null where no price is known. */
export function secondPrice(place: ComputePlace, prices: PriceTable): CostRange | null {
  switch (place.kind) {
    case "local":
      return null;
    case "lambda": {
      const { gbSecond, scratchGbSecond } = prices.lambda;
      const scratchGb = Math.max(place.scratchMiB - 512, 0) / 1024;
      return exactly((place.memoryMiB / 1024) * gbSecond[place.architecture] + scratchGb * scratchGbSecond);
    }
    case "fargate": {
      const { vcpuHour, gbHour, scratchGbHour } = prices.fargate;
      const scratch = Math.max(place.scratchGiB - 20, 0) * scratchGbHour;
      return exactly((place.vcpus * vcpuHour + (place.memoryMiB / 1024) * gbHour + scratch) / 3600);
    }
    case "instance": {
      const hours = place.types.map((type) => prices.instanceHour[type]);
      const known = hours.filter((hour) => hour !== undefined);
      if (known.length < hours.length) return null;
      const [least, most] = prices.spotShareOfOnDemand;
      const low = Math.min(...known) * (place.spot === "no" ? 1 : least);
      const high = Math.max(...known) * (place.spot === "yes" ? most : 1);
      return { low: low / 3600, high: high / 3600 };
    }
  }
}

function exactly(cost: number): CostRange {
  return { low: cost, high: cost };
}
