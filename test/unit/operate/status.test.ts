import { describe, expect, it } from "vitest";
import { nextAttempt } from "#src/operate/retry.js";
import { statusOf } from "#src/operate/status.js";
import { OperatedScans, resultIdOf, scanIdOf } from "../../support/operated-scans.js";

const scanId = scanIdOf(1);
const DONE = ["preprocess", "segment", "postprocess", "publish"] as const;

describe("the status of a scan", () => {
  it("is published with the warnings of each result, the stages all done", async () => {
    const scans = new OperatedScans();
    await scans.takenIn(scanId);
    for (const n of [10, 2]) {
      await scans.task(scanId, 1, `t${n}`, resultIdOf(n), DONE);
      await scans.published(scanId, 1, `t${n}`, resultIdOf(n));
    }
    scans.execution(scanId, 1, "SUCCEEDED");
    const status = await statusOf(scanId, scans.deployment());
    expect(status).toMatchObject({ state: "published", attempt: 1, execution: { name: scanId, status: "SUCCEEDED" } });
    expect(status.tasks).toEqual(
      [2, 10].map((n) => ({
        ...{ subject: `t${n}`, model: "liver", identity: resultIdOf(n), reached: "publish" },
        outcome: { kind: "published", identity: resultIdOf(n), warnings: 1 },
      })),
    );
  });

  it("tells of a running attempt how far it came, and how the one before ended", async () => {
    const scans = new OperatedScans();
    await scans.takenIn(scanId);
    await scans.setAside(scanId, 1, "t0", "ComputeLost");
    await scans.task(scanId, 2, "t0", resultIdOf(1), ["preprocess", "segment"]);
    scans.execution(scanId, 1, "FAILED");
    scans.execution(scanId, 2, "RUNNING");
    const status = await statusOf(scanId, scans.deployment());
    expect(status).toMatchObject({ state: "running", attempt: 2, execution: { name: `${scanId}-a2`, endedAt: null } });
    expect(status.tasks).toMatchObject([{ subject: "t0", reached: "segment", outcome: { kind: "open" } }]);
    expect(status.earlier).toEqual([{ attempt: 1, subject: "t0", code: "ComputeLost" }]);
    // On one machine nobody knows whether it still runs.
    expect((await statusOf(scanId, scans.deployment({ executions: null }))).state).toBe("open");
  });

  it("finds an attempt that left nothing yet, and one that ended without a word", async () => {
    const scans = new OperatedScans();
    await scans.takenIn(scanId);
    expect((await statusOf(scanId, scans.deployment())).state).toBe("waiting");
    scans.execution(scanId, 1, "TIMED_OUT");
    expect(await statusOf(scanId, scans.deployment())).toMatchObject({ state: "ended", attempt: 1, tasks: [] });
    await scans.setAside(scanId, 1, "scan", "ComputeLost");
    scans.execution(scanId, 2, "RUNNING");
    expect(await statusOf(scanId, scans.deployment())).toMatchObject({ state: "running", attempt: 2, tasks: [] });
  });

  it("is set aside where one image of several was, with the reason", async () => {
    const scans = new OperatedScans();
    await scans.takenIn(scanId);
    await scans.task(scanId, 1, "t0", resultIdOf(1), DONE);
    await scans.published(scanId, 1, "t0", resultIdOf(1));
    await scans.task(scanId, 1, "t1", resultIdOf(2), ["preprocess"]);
    expect((await statusOf(scanId, scans.deployment({ executions: null }))).state).toBe("open");
    await scans.setAside(scanId, 1, "t1", "InferenceFailed");
    const { state, tasks } = await statusOf(scanId, scans.deployment({ executions: null }));
    expect(state).toBe("set-aside");
    const outcome = { kind: "set-aside", code: "InferenceFailed", step: "segment", message: "m", advice: "do it" };
    expect(tasks[1]).toMatchObject({ reached: "preprocess", outcome });
  });

  it("is set aside where the scan as a whole was, with images under way", async () => {
    const scans = new OperatedScans();
    await scans.task(scanId, 1, "t0", resultIdOf(1), ["preprocess"]);
    await scans.setAside(scanId, 1, "scan", "Internal");
    const { state, tasks } = await statusOf(scanId, scans.deployment({ executions: null }));
    expect([state, tasks.map(({ subject }) => subject)]).toEqual(["set-aside", ["scan", "t0"]]);
  });

  it("is held on the day whose runs were used up, until it is started", async () => {
    const scans = new OperatedScans();
    await scans.held(scanId, "2026-01-02");
    const status = await statusOf(scanId, scans.deployment());
    expect(status).toMatchObject({ state: "held", heldOn: "2026-01-02", attempt: 0, canRetry: true });
    for await (const _ of scans.stores.work.erase(scanId));
    expect(await statusOf(scanId, scans.deployment())).toMatchObject({ state: "held", canRetry: false });
    // Released a moment ago.
    scans.execution(scanId, 1, "RUNNING");
    expect(await statusOf(scanId, scans.deployment())).toMatchObject({ state: "running", heldOn: null });
  });

  it("of a de-identified scan is published under the name of its result, which nobody knew before", async () => {
    const scans = new OperatedScans();
    await scans.task(scanId, 1, "t0", resultIdOf(1), [], { deidentify: { profile: "basic", pictures: "image" } });
    expect((await statusOf(scanId, scans.deployment())).tasks).toMatchObject([{ identity: null }]);
    await scans.deidentified(scanId, "t0", resultIdOf(1), resultIdOf(5));
    const { state, tasks } = await statusOf(scanId, scans.deployment());
    expect(state).toBe("published");
    expect(tasks).toMatchObject([{ identity: resultIdOf(5), reached: "publish", outcome: { kind: "published" } }]);
  });

  it("is StoreMissing where nothing is known", async () => {
    const asked = statusOf(scanId, new OperatedScans().deployment());
    await expect(asked).rejects.toMatchObject({ code: "StoreMissing", message: expect.stringContaining(scanId) });
  });
});

describe("the next attempt", () => {
  it("follows the last that there was, whether or not it left a record", async () => {
    const scans = new OperatedScans();
    await scans.takenIn(scanId);
    expect(await nextAttempt(scanId, scans.deployment())).toMatchObject({ attempt: 1 });
    scans.execution(scanId, 1, "FAILED");
    await scans.setAside(scanId, 1, "scan", "StoreBusy");
    expect(await nextAttempt(scanId, scans.deployment())).toMatchObject({ attempt: 2 });
    scans.execution(scanId, 2, "ABORTED");
    expect(await nextAttempt(scanId, scans.deployment())).toMatchObject({ attempt: 3 });
    // Step Functions forgets; the records do not.
    scans.executions.clear();
    expect(await nextAttempt(scanId, scans.deployment())).toMatchObject({ attempt: 2 });
  });

  it("is refused while one runs, after one was published, and where it would read the same", async () => {
    const scans = new OperatedScans();
    await scans.takenIn(scanId);
    scans.execution(scanId, 1, "RUNNING");
    await expect(nextAttempt(scanId, scans.deployment())).rejects.toMatchObject({ code: "ScanRunning" });
    scans.execution(scanId, 1, "SUCCEEDED");
    await scans.task(scanId, 1, "t0", resultIdOf(1), DONE);
    await scans.published(scanId, 1, "t0", resultIdOf(1));
    await expect(nextAttempt(scanId, scans.deployment())).rejects.toMatchObject({ code: "InputMismatch" });

    const other = scanIdOf(2);
    await scans.takenIn(other, { refused: { code: "SeriesIncomplete", message: "3 of 4 files" } });
    await scans.setAside(other, 1, "scan", "SeriesIncomplete");
    const refused = nextAttempt(other, scans.deployment());
    await expect(refused).rejects.toMatchObject({
      code: "SeriesIncomplete",
      message: expect.stringMatching(/^3 of 4/),
    });
    expect((await statusOf(other, scans.deployment())).canRetry).toBe(false);
  });

  it("is refused where the work store forgot what was asked for", async () => {
    const scans = new OperatedScans();
    await scans.setAside(scanId, 1, "scan", "ComputeLost");
    const refused = nextAttempt(scanId, scans.deployment());
    await expect(refused).rejects.toMatchObject({
      code: "StoreMissing",
      message: expect.stringContaining("upload it"),
    });
  });
});
