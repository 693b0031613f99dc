import { describe, expect, it } from "vitest";
import { LIST_PRICES } from "#src/workflow/prices.js";
import { InfraConfig } from "../../infra/config.js";
import { INSTANCES, jobSizes } from "../../infra/job-sizes.js";

const sizesOf = (compute: object) => jobSizes(InfraConfig.parse({ compute }).compute);
const numbers = (compute: object) =>
  sizesOf(compute).map(({ memoryMiB, vcpus, workers }) => [memoryMiB, vcpus, workers]);

describe("the sizes of a job", () => {
  it("are those of the instance types that were chosen, with one session on each GPU", () => {
    expect(numbers({})).toEqual([
      [14_500, 4, 1],
      [29_000, 8, 1],
    ]);
    expect(numbers({ instanceTypes: ["g5.8xlarge", "g4dn.xlarge"] })).toEqual([
      [14_500, 4, 1],
      [116_000, 32, 1],
    ]);
  });

  it("name the types on which a job of that size can run", () => {
    expect(sizesOf({ instanceTypes: ["g4dn.xlarge", "g6.2xlarge"] }).map(({ place }) => place)).toEqual([
      { kind: "instance", types: ["g4dn.xlarge", "g6.2xlarge"], spot: "unknown" },
      { kind: "instance", types: ["g6.2xlarge"], spot: "unknown" },
    ]);
    const types = ["g4dn.xlarge", "g6.2xlarge", "p9.48xlarge"];
    expect(sizesOf({ instanceTypes: types })[1]?.place).toMatchObject({ types: ["g6.2xlarge", "p9.48xlarge"] });
  });

  it("are of types that have a price, and of none that the queue's image does not support", () => {
    expect(Object.keys(LIST_PRICES.instanceHour).sort()).toEqual(Object.keys(INSTANCES).sort());
    for (const type of ["p3.2xlarge", "g3.4xlarge"])
      expect(InfraConfig.safeParse({ compute: { instanceTypes: [type] } }).success).toBe(false);
  });

  it("rely on no more than the smallest type's memory where a type is not known", () => {
    expect(numbers({ instanceTypes: ["p9.48xlarge"] })).toEqual([[14_500, 4, 1]]);
  });

  it("need no more vCPUs than may be used at once", () => {
    expect(numbers({ instanceTypes: ["g5.xlarge", "g5.4xlarge"], maxVcpus: 8 })).toEqual([[14_500, 4, 1]]);
  });

  it("are pairs that Fargate has, with a worker for each vCPU", () => {
    expect(numbers({ kind: "cpu" })).toEqual([
      [16_384, 4, 4],
      [30_720, 4, 4],
      [61_440, 8, 8],
      [122_880, 16, 16],
    ]);
  });
});
