import { z } from "zod";
import { ComputePlace } from "./prices.js";

/** A size that a Batch job of a deployment can have. */
export const JobSize = z.strictObject({
  memoryMiB: z.int().min(1),
  vcpus: z.int().min(1),
  /** Runs of a network at once that its processors take. */
  workers: z.int().min(1),
  /** What it then runs on, for the receipt. */
  place: ComputePlace,
});
export type JobSize = z.infer<typeof JobSize>;

/** The smallest first, which is that of the job definitions. */
export const JobSizes = z.array(JobSize).min(1);

const resource = z.strictObject({ Type: z.enum(["VCPU", "MEMORY", "GPU"]), Value: z.string().regex(/^\d+$/) });
const variable = z.strictObject({ Name: z.enum(["JOB_SIZE", "WORKERS"]), Value: z.string().regex(/^\d+$/) });

/** What a Batch job asks for in place of what its definition says, in Batch's own words: `ContainerOverrides`. */
export const JobAsks = z.strictObject({ resources: z.array(resource), environment: z.array(variable) });
export type JobAsks = z.infer<typeof JobAsks>;

/**
 * What a job of a size asks for. GPUs are said again: nothing that the definition asks for may be lost.
 *
 * @param size number of the size among those of the deployment
 * @param workers runs of a network at once
 */
export function jobAsks(sizes: readonly JobSize[], size: number, workers: number, gpus: number): JobAsks {
  const { memoryMiB, vcpus } = sizes[size] ?? {};
  if (memoryMiB === undefined || vcpus === undefined) return { resources: [], environment: [] };
  return {
    resources: [
      { Type: "VCPU", Value: String(vcpus) },
      { Type: "MEMORY", Value: String(memoryMiB) },
      ...(gpus > 0 ? [{ Type: "GPU" as const, Value: String(gpus) }] : []),
    ],
    environment: [
      { Name: "JOB_SIZE", Value: String(size) },
      { Name: "WORKERS", Value: String(workers) },
    ],
  };
}
