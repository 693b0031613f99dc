import { workersOn } from "#src/core/session-threads.js";
import type { JobSize } from "#src/workflow/job-sizes.js";
import type { InfraConfig } from "./config.js";

/** Memory in GiB and vCPUs of instance types with a GPU, as EC2's list of instance types has them. */
export const INSTANCES: Readonly<Record<string, readonly [memoryGiB: number, vcpus: number]>> = {
  ...family("g4dn"),
  ...family("g5"),
  ...family("g6"),
};

/** g4dn, g5 and g6 alike: 16 GiB and 4 vCPUs, and twice as much from each size to the next. */
function family(name: string): Record<string, readonly [number, number]> {
  const sizes = ["xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"];
  return Object.fromEntries(sizes.map((size, n) => [`${name}.${size}`, [16 * 2 ** n, 4 * 2 ** n] as const]));
}

/** Of each GiB of an instance what a job may ask for: of 16 GiB ECS keeps about 1, and a job that asks for all never starts. */
const ASKABLE_MIB = 14_500 / 16;

/** Fargate's largest memory for so many vCPUs, and what is enough for most. */
const FARGATE = [
  [16, 4],
  [30, 4],
  [60, 8],
  [120, 16],
] as const;
/** Its largest. */
export const FARGATE_SCRATCH_GIB = 200;

/**
 * The sizes that a job can have in a deployment, the smallest first: on instances those of the types that were chosen,
 * one job filling one, on Fargate four of its own. None needs more vCPUs than may be used at once.
 */
export function jobSizes({ kind, instanceTypes, maxVcpus }: InfraConfig["compute"]): readonly JobSize[] {
  const all = kind === "gpu" ? instanceSizes(instanceTypes) : FARGATE.map(fargateSize);
  return all.filter(({ vcpus }, n) => n === 0 || vcpus <= maxVcpus);
}

function instanceSizes(types: readonly string[]): JobSize[] {
  // Of a type that is not listed only so much is relied on as the smallest one has.
  const smallest = { memoryGiB: 16, vcpus: 4 };
  const sizes = types.map((type) => {
    const [memoryGiB, vcpus] = INSTANCES[type] ?? [16, 4];
    return { memoryGiB, vcpus };
  });
  const distinct = [...new Map([smallest, ...sizes].map((size) => [size.memoryGiB, size])).values()];
  return distinct
    .sort((a, b) => a.memoryGiB - b.memoryGiB)
    .map(({ memoryGiB, vcpus }) => ({
      // A GPU has one session.
      ...{ memoryMiB: Math.floor(memoryGiB * ASKABLE_MIB), vcpus, workers: 1 },
      place: {
        kind: "instance" as const,
        // A type that is not listed may be as large as any: a job of every size may come to run on it.
        types: types.filter((type) => (INSTANCES[type]?.[0] ?? memoryGiB) >= memoryGiB),
        spot: "unknown" as const,
      },
    }));
}

function fargateSize([memoryGiB, vcpus]: readonly [number, number]): JobSize {
  const memoryMiB = memoryGiB * 1024;
  return {
    memoryMiB,
    vcpus,
    workers: workersOn(vcpus),
    place: { kind: "fargate", vcpus, memoryMiB, scratchGiB: FARGATE_SCRATCH_GIB },
  };
}
