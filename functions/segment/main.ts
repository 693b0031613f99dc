import { availableParallelism } from "node:os";
import { workersOn } from "#src/core/session-threads.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { segmentStage } from "#src/stages/segment.js";
import { readEnv } from "../runtime/env.js";
import { taskEntry } from "../runtime/task-entry.js";

await taskEntry(() => {
  const { PROVIDER, WORKERS = workersOn(availableParallelism()) } = readEnv();
  return segmentStage(new SessionPool(ortSessions(PROVIDER, { workers: WORKERS })));
});
