import { runJob } from "#src/stages/run-job.js";
import type { StageDefinition } from "#src/stages/stage.js";
import { stageDeps } from "./stage-deps.js";

/**
 * The main program of a container: one stage of the task named by the first argument. Ends the process with the
 * stage's exit code, by which AWS Batch decides whether to try again.
 */
export async function taskEntry(definition: StageDefinition): Promise<never> {
  const deps = stageDeps(definition.stage);
  process.exit(await runJob(definition, { taskKey: process.argv[2] ?? "" }, deps));
}
