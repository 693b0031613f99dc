import { exitCodeOf, PipelineError, toPipelineError } from "#src/core/errors.js";
import { runJob } from "#src/stages/run-job.js";
import type { StageDefinition } from "#src/stages/stage.js";
import { jsonLogger } from "./json-logger.js";
import { stageDeps } from "./stage-deps.js";

/**
 * The main program of a container: one stage of the task named by the first argument. Ends the process with the
 * stage's exit code, by which AWS Batch decides whether to try again.
 *
 * @param define makes the stage; called here so that what it reads of the environment fails with an exit code too
 */
export async function taskEntry(define: () => StageDefinition): Promise<never> {
  process.exit(await exitCode(define));
}

async function exitCode(define: () => StageDefinition): Promise<number> {
  try {
    const definition = define();
    const taskKey = process.argv[2];
    if (!taskKey) throw new PipelineError("ContractViolation", "first argument is missing, expected the key of a task");
    return await runJob(definition, { taskKey }, stageDeps(definition.stage));
  } catch (thrown) {
    const { code, message } = toPipelineError(thrown);
    jsonLogger("job").warn("failed before the stage began", { code, reason: message });
    return exitCodeOf(code);
  }
}
