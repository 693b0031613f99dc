import { quarantine } from "#src/stages/quarantine.js";
import { QuarantineInput } from "#src/workflow/contract.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";

const deps = stageDeps("quarantine");

export const handler = lambdaEntry(QuarantineInput, deps.logger, (input) => quarantine(input, deps));
