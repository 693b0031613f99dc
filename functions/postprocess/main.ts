import { ortSessions, THREADS_ALONE } from "#src/inference/ort-session.js";
import { postprocessStage } from "#src/stages/postprocess.js";
import { readEnv } from "../runtime/env.js";
import { taskEntry } from "../runtime/task-entry.js";

await taskEntry(() => postprocessStage(ortSessions(readEnv().STEP_PROVIDER, { threads: THREADS_ALONE })));
