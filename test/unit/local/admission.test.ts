import { describe, expect, it } from "vitest";
import { Admission } from "#src/local/admission.js";

/** Work that begins and ends when it is told, and says so. */
function worksOf(log: string[]) {
  const ends = new Map<string, () => void>();
  return {
    work: (name: string) => () =>
      new Promise<string>((resolve) => {
        log.push(`${name} begins`);
        ends.set(name, () => {
          log.push(`${name} ends`);
          resolve(name);
        });
      }),
    async end(name: string) {
      ends.get(name)?.();
      await new Promise(setImmediate);
    },
  };
}

const asked = (identity: string, memoryMiB = 100, besideMiB = 0) => ({ identity, memoryMiB, besideMiB });

describe("Admission", () => {
  it("lets stages of several results run beside each other, of one result one after the other", async () => {
    const log: string[] = [];
    const { work, end } = worksOf(log);
    const admission = new Admission(1000);
    const all = [
      admission.run(asked("r-1"), work("a")),
      admission.run(asked("r-1"), work("b")),
      admission.run(asked("r-2"), work("c")),
    ];
    await end("none");
    expect(log).toEqual(["a begins", "c begins"]);
    await end("a");
    expect(log.slice(2)).toEqual(["a ends", "b begins"]);
    await end("c");
    await end("b");
    expect(await Promise.all(all)).toEqual(["a", "b", "c"]);
  });

  it("lets as many run as the memory takes, the worker's largest beside them, in their order", async () => {
    const log: string[] = [];
    const { work, end } = worksOf(log);
    const admission = new Admission(1000);
    void admission.run(asked("r-1", 300, 200), work("a"));
    // 300 + 200 of this process and 500 of the other.
    void admission.run(asked("r-2", 200, 500), work("b"));
    void admission.run(asked("r-3", 301, 0), work("c"));
    void admission.run(asked("r-4", 1, 0), work("d"));
    await end("none");
    expect(log).toEqual(["a begins", "b begins"]);
    await end("a");
    // 200 + 301 + 500 do not fit, and the last one, which would, does not go before.
    expect(log.slice(2)).toEqual(["a ends"]);
    await end("b");
    expect(log.slice(3)).toEqual(["b ends", "c begins", "d begins"]);
  });

  it("lets a single one run whatever it needs: the plan has agreed to it", async () => {
    expect(await new Admission(10).run(asked("r-1", 300, 200), async () => "done")).toBe("done");
  });

  it("goes on after a stage that failed", async () => {
    const admission = new Admission(1000);
    const failed = admission.run(asked("r-1"), () => Promise.reject(new Error("failed")));
    const after = admission.run(asked("r-1"), async () => "after");
    await expect(failed).rejects.toThrow("failed");
    expect(await after).toBe("after");
  });

  it("counts what is set aside, and sets aside no more than there is", async () => {
    const log: string[] = [];
    const { work, end } = worksOf(log);
    const admission = new Admission(1000);
    const giveBack = admission.setAside(asked("r-1", 600, 200));
    expect([giveBack === null, admission.setAside(asked("r-2", 300, 0))]).toEqual([false, null]);
    void admission.run(asked("r-2", 300, 100), work("a"));
    void admission.run(asked("r-1", 200, 200), work("b"));
    await end("none");
    expect(log).toEqual([]);
    giveBack?.();
    await end("none");
    expect(log).toEqual(["a begins", "b begins"]);
  });
});
