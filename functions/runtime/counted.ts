import type { Meter } from "#src/core/meter.js";
import type { StageOutput, TaskOutcome } from "#src/workflow/contract.js";

/**
 * Counts what became of an image, by outcome. Here and not in the stages, since a large result is published by a job
 * and told of by the function: what a state of the workflow gets is one outcome an image.
 */
export function counted<T extends StageOutput | TaskOutcome>(outcome: T, meter: Meter): T {
  if ("kind" in outcome) {
    const isPublished = outcome.kind === "published";
    meter.record(isPublished ? { Published: 1 } : { Quarantined: 1 });
    meter.record({ Outcomes: 1 }, { code: isPublished ? "Published" : outcome.code });
  }
  return outcome;
}
