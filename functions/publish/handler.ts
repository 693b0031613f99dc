import { publish } from "#src/stages/publish.js";
import { runTask } from "#src/stages/run-task.js";
import { StageInput } from "#src/workflow/contract.js";
import { counted } from "../runtime/counted.js";
import { lambdaEntry } from "../runtime/lambda-entry.js";
import { stageDeps } from "../runtime/stage-deps.js";

const deps = stageDeps("publish");

export const handler = lambdaEntry(StageInput, deps, async (input) =>
  counted(await runTask(publish, input, deps), deps.meter),
);
