import type { AdvanceDeps } from "#src/intake/advance-series.js";
import { type Executions, isUnderWay } from "#src/operate/deployment.js";

/** What intake starts, the first attempts alone, and what it waits for: those that an operator started too. */
export function scanRuns(executions: Executions): Pick<AdvanceDeps, "start" | "isRunning"> {
  return {
    start: (scanId) => executions.start(scanId, 1),
    isRunning: async (scanId) => {
      for (let attempt = 1; ; attempt++) {
        const execution = await executions.describe(scanId, attempt);
        if (execution === null) return false;
        if (isUnderWay(execution)) return true;
      }
    },
  };
}
