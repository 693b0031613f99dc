import { quarantine } from "#src/stages/quarantine.js";
import { QuarantineInput } from "#src/workflow/contract.js";
import { counted } from "../runtime/counted.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";

const deps = stageDeps("quarantine");

export const handler = lambdaEntry(QuarantineInput, deps, async (input) =>
  counted(await quarantine(input, deps), deps.meter),
);
