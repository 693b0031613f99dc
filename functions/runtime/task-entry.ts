import { exitCodeOf, PipelineError, toPipelineError } from "#src/core/errors.js";
import { runJobs } from "#src/stages/run-job.js";
import type { StageDefinition } from "#src/stages/stage.js";
import { stageDeps } from "./stage-deps.js";
import { telemetry } from "./telemetry.js";

/**
 * The main program of a container: one stage of the tasks named by the arguments, one after another. Ends the process
 * with the exit code of a single task, by which AWS Batch decides whether to try again; of several with 0 once all were
 * tried.
 *
 * @param define makes the stage; called here so that what it reads of the environment fails with an exit code too
 */
export async function taskEntry(define: () => StageDefinition): Promise<never> {
  process.exit(await exitCode(define));
}

async function exitCode(define: () => StageDefinition): Promise<number> {
  try {
    const definition = define();
    const taskKeys = process.argv.slice(2);
    if (taskKeys.length === 0 || taskKeys.includes("")) {
      throw new PipelineError("ContractViolation", "an argument is missing or empty, expected keys of tasks");
    }
    const inputs = taskKeys.map((taskKey) => ({ taskKey }));
    return await runJobs(definition, inputs, stageDeps(definition.stage));
  } catch (thrown) {
    const { code, message } = toPipelineError(thrown);
    telemetry("job").logger.warn("failed before the stage began", { code, reason: message });
    return exitCodeOf(code);
  }
}
