import { publish } from "#src/stages/publish.js";
import { runTask } from "#src/stages/run-task.js";
import { StageInput } from "#src/workflow/contract.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";

const deps = stageDeps("publish");

export const handler = lambdaEntry(StageInput, deps.logger, (input) => runTask(publish, input, deps));
