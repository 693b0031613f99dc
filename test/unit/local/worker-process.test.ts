import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { LogFields } from "#src/core/logger.js";
import { WorkerProcess } from "#src/local/worker-process.js";

/** Answers by the job's key: ends with an exit code, dies by a signal, ends without an answer, or says its process id. */
const SCRIPT = `process.on("message", ({ kind, id, parameters: { taskKey } }) => {
  if (kind === "warm") return process.send({ kind: "log", level: "info", message: "warm", fields: { pid: taskKey } });
  if (taskKey.startsWith("SIG")) return process.kill(process.pid, taskKey);
  if (taskKey.startsWith("exit")) process.exit(Number(taskKey.slice(5)));
  process.send({ kind: "log", level: "info", message: "pid", fields: { pid: process.pid } });
  if (taskKey === "hang") return;
  process.send({ kind: "exit", id, exitCode: Number(taskKey), peakBytes: 1 });
});`;

const places = { source: "/s", work: "/w", results: "/r", models: "/m" };
const job = (taskKey: string) => ({ stage: "segment" as const, parameters: { taskKey }, places });
let worker: WorkerProcess;
afterEach(() => worker.close());

async function start(pids: unknown[] = []) {
  const file = join(await mkdtemp(join(tmpdir(), "worker-")), "worker.mjs");
  await writeFile(file, SCRIPT);
  worker = new WorkerProcess(file, { info: (_, fields) => pids.push(fields?.pid), warn: () => {} });
}

describe("WorkerProcess", () => {
  it("passes on a job's exit code and keeps the process for the next job", async () => {
    const pids: unknown[] = [];
    await start(pids);
    expect(await worker.run(job("0"))).toBe(0);
    expect(await worker.run(job("65"))).toBe(65);
    expect(new Set(pids).size).toBe(1);
  });

  it.each([
    ["SIGKILL", 137],
    ["SIGABRT", 134],
    ["SIGSEGV", 139],
    ["SIGTERM", null],
    ["SIGINT", null],
    ["exit 1", 1],
    ["exit 0", null],
  ])("ends the job whose process ends by %s with %s, and starts another for those that wait", async (end, exitCode) => {
    await start();
    expect(await Promise.all([worker.run(job(end)), worker.run(job("0"))])).toEqual([exitCode, 0]);
    expect(await worker.run(job("0"))).toBe(0);
  });

  it("loses the job that runs when it is closed", async () => {
    await start();
    let isBegun = () => {};
    const begun = new Promise<void>((resolve) => {
      isBegun = resolve;
    });
    const running = worker.run({ ...job("hang"), onLog: isBegun });
    await begun;
    worker.close();
    expect(await running).toBeNull();
  });

  it("tells who asked for a job what it says, besides the logger", async () => {
    const [pids, heard]: [unknown[], unknown[]] = [[], []];
    await start(pids);
    const onLog = (message: string, { pid }: LogFields) => void heard.push([message, pid]);
    await worker.run({ ...job("0"), onLog });
    await worker.run(job("0"));
    expect(heard).toEqual([["pid", pids[0]]]);
    expect(pids).toHaveLength(2);
  });

  it("has a network opened ahead, but not beside a job, whose networks it might close", async () => {
    const told: unknown[] = [];
    await start(told);
    const warm = (taskKey: string) => worker.warm({ parameters: { taskKey }, places });
    warm("before it runs");
    worker.start();
    warm("next");
    const running = worker.run(job("0"));
    warm("beside it");
    await running;
    warm("after it");
    await worker.run(job("0"));
    expect(told).toEqual(["next", expect.any(Number), "after it", expect.any(Number)]);
  });

  it("begins nothing that waits once it is closed", async () => {
    const pids: unknown[] = [];
    await start(pids);
    const jobs = [worker.run(job("0")), worker.run(job("0"))];
    worker.close();
    expect(await Promise.all(jobs)).toEqual([null, null]);
    expect(pids).toEqual([]);
  });
});
