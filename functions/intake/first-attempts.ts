import type { AdvanceDeps } from "#src/intake/advance-series.js";
import { type Executions, isUnderWay } from "#src/operate/deployment.js";

/** First attempts, which are all that intake starts. */
export function firstAttempts(executions: Executions): Pick<AdvanceDeps, "start" | "isRunning"> {
  return {
    start: (scanId) => executions.start(scanId, 1),
    isRunning: async (scanId) => isUnderWay(await executions.describe(scanId, 1)),
  };
}
