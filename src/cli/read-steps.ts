import { readFile } from "node:fs/promises";
import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { type RefineStep, RefineSteps } from "#src/model/refine-steps.js";

const WithLabels = z.object({ labels: z.array(z.object({ value: z.int() })) });

/**
 * Steps from a JSON file: an array of them, or a manifest's `postprocess`, beside its labels.
 *
 * @throws {PipelineError} `ModelInvalid`, naming the field; `StoreMissing`
 */
export async function readSteps(
  path: string,
): Promise<{ readonly steps: readonly RefineStep[]; readonly labels: readonly number[] | null }> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new PipelineError("StoreMissing", "the file of steps is not there", { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PipelineError("ModelInvalid", "the file of steps is not JSON", { cause });
  }
  const manifest = z.object({ postprocess: z.unknown() }).safeParse(value);
  const parsed = RefineSteps.safeParse(manifest.success ? manifest.data.postprocess : value);
  if (parsed.success) {
    const described = WithLabels.safeParse(value);
    return { steps: parsed.data, labels: described.data?.labels.map((label) => label.value) ?? null };
  }
  const [issue] = parsed.error.issues;
  const [index, ...field] = issue?.path ?? [];
  const at = typeof index === "number" ? `step ${index + 1}, field ${field.join(".") || "(step)"}` : "steps";
  throw new PipelineError("ModelInvalid", `${at}: ${issue?.message}`);
}
