import { describe, expect, it } from "vitest";
import { lambdaEntry } from "#functions/runtime/lambda-entry.js";
import type { LogIds } from "#functions/runtime/telemetry.js";
import { PipelineError } from "#src/core/errors.js";
import type { LogFields } from "#src/core/logger.js";
import type { Meter } from "#src/core/meter.js";
import { StageInput } from "#src/workflow/contract.js";

function entry(run: (input: StageInput) => Promise<unknown>) {
  const logged: unknown[] = [];
  const begun: LogIds[] = [];
  const log = (message: string, fields?: LogFields) => logged.push({ message, ...fields });
  const meter: Meter = { record: (values, dimensions) => logged.push({ ...values, ...dimensions }) };
  const begin = (ids: LogIds) => void begun.push(ids);
  const telemetry = { stage: "publish", logger: { info: log, warn: log }, meter, begin };
  return { logged, begun, handler: lambdaEntry(StageInput, telemetry, run) };
}

describe("lambdaEntry", () => {
  it("passes a good payload on and the answer back", async () => {
    expect(await entry(async ({ taskKey }) => taskKey.length).handler({ taskKey: "abc" })).toBe(3);
  });

  it("says from the start whose work it is, by the ids of the payload alone", async () => {
    const { handler, begun } = entry(async () => 0);
    const scanId = `s-${"a".repeat(40)}`;
    await handler({ taskKey: `${scanId}/a2/tasks/t7.json` });
    expect(begun.at(-1)).toEqual({ scanId, attempt: 2, taskId: "t7" });
    await handler({ taskKey: "Doe^John" });
    expect(begun.at(-1)).toEqual({});
  });

  it("names the field of a payload that its schema refuses", async () => {
    const { handler } = entry(async () => 0);
    await expect(handler({ taskKey: 7 })).rejects.toMatchObject({
      name: "ContractViolation",
      message: expect.stringContaining("taskKey"),
    });
    await expect(handler({ taskKey: "a", more: 1 })).rejects.toMatchObject({ name: "ContractViolation" });
  });

  it("lets a failure out under its code, without its cause, and logs it", async () => {
    const { handler, logged } = entry(async () => {
      throw new PipelineError("SeriesGap", "a gap", { cause: new Error("/data/Doe.dcm") });
    });
    const error = await handler({ taskKey: "a" }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "SeriesGap", message: "a gap", cause: undefined });
    expect(logged).toEqual([
      { StageFailures: 1, stage: "publish" },
      { message: "failed", code: "SeriesGap", reason: "a gap", kind: "Error" },
    ]);
    expect(JSON.stringify(logged)).not.toContain("Doe");
  });

  it("lets what is no error of ours out as Internal", async () => {
    const { handler } = entry(async () => {
      throw new TypeError("cannot read /data/Doe.dcm");
    });
    await expect(handler({ taskKey: "a" })).rejects.toMatchObject({
      name: "Internal",
      message: "unexpected TypeError in this step",
    });
  });
});
