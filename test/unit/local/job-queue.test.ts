import { describe, expect, it } from "vitest";
import { jobQueue } from "#src/local/job-queue.js";
import type { Stage } from "#src/storage/keys.js";

const job = (id: number, stage: Stage) => ({ id, stage });

describe("jobQueue", () => {
  it("runs one job at a time, first those whose stage comes last", async () => {
    const log: string[] = [];
    const add = jobQueue(async ({ id }: ReturnType<typeof job>) => {
      log.push(`begin ${id}`);
      await new Promise(setImmediate);
      log.push(`end ${id}`);
      return 10 * id;
    });
    // The first begins at once; the others wait together.
    const jobs = [job(1, "segment"), job(2, "segment"), job(3, "postprocess"), job(4, "postprocess")];
    expect(await Promise.all(jobs.map(add))).toEqual([10, 20, 30, 40]);
    expect(log).toEqual([1, 3, 4, 2].flatMap((id) => [`begin ${id}`, `end ${id}`]));
  });

  it("leaves a scan a moment to ask for its next stage, before the next scan begins", async () => {
    const ran: number[] = [];
    const add = jobQueue(async ({ id }: ReturnType<typeof job>) => void ran.push(id));
    const next = add(job(1, "segment")).then(async () => {
      await new Promise(setImmediate);
      return add(job(2, "postprocess"));
    });
    await Promise.all([next, add(job(3, "segment"))]);
    expect(ran).toEqual([1, 2, 3]);
  });

  it("goes on after a job that failed, and with one that comes when it has run dry", async () => {
    const add = jobQueue(async ({ id }: ReturnType<typeof job>) => {
      if (id === 1) throw new Error("failed");
      return id;
    });
    const [failed, done] = await Promise.allSettled([add(job(1, "segment")), add(job(2, "segment"))]);
    expect([failed.status, done.status]).toEqual(["rejected", "fulfilled"]);
    expect(await add(job(3, "segment"))).toBe(3);
  });
});
