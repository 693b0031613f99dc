import { hysteresis } from "#src/imaging/hysteresis.js";
import type { RefineStep } from "#src/model/refine-steps.js";
import { decideInBox } from "./decide-in-box.js";
import { type ApplyStep, probabilitiesFor } from "./refine-state.js";

/** What is above the low threshold and hangs together with something above the high one becomes the label. */
export const applyHysteresis: ApplyStep<Extract<RefineStep, { kind: "hysteresis" }>> = (state, step, subject) => {
  const probabilities = probabilitiesFor(state, subject);
  if (probabilities === null) return state;
  return decideInBox(state, probabilities, step.labels, subject, (_, values) =>
    hysteresis(values, probabilities.size, step.low, step.high, step.connectivity),
  );
};
