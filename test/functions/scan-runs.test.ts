import { expect, it } from "vitest";
import { scanRuns } from "#functions/intake/scan-runs.js";
import { OperatedScans, scanIdOf } from "../support/operated-scans.js";

it("starts first attempts, and waits for those too that an operator started", async () => {
  const scans = new OperatedScans();
  const { executions } = scans.deployment();
  if (executions === null) throw new TypeError("no executions");
  const { start, isRunning } = scanRuns(executions);
  const scanId = scanIdOf(1);
  expect(await isRunning(scanId)).toBe(false);
  await start(scanId);
  expect([...scans.executions.keys()]).toEqual([scanId]);
  expect(await isRunning(scanId)).toBe(true);
  scans.execution(scanId, 1, "FAILED");
  expect(await isRunning(scanId)).toBe(false);
  scans.execution(scanId, 2, "ABORTED");
  scans.execution(scanId, 3, "RUNNING");
  expect(await isRunning(scanId)).toBe(true);
  scans.execution(scanId, 3, "SUCCEEDED");
  expect(await isRunning(scanId)).toBe(false);
});
