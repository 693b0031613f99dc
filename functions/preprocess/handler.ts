import { preprocess } from "#src/stages/preprocess.js";
import { runTask } from "#src/stages/run-task.js";
import { StageInput } from "#src/workflow/contract.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";

const deps = stageDeps("preprocess");

export const handler = lambdaEntry(StageInput, deps, (input) => runTask(preprocess, input, deps));
