import { inspect } from "#src/stages/inspect.js";
import { InspectInput } from "#src/workflow/contract.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";

const deps = stageDeps("inspect");

export const handler = lambdaEntry(InspectInput, deps, (input) => inspect(input, deps));
