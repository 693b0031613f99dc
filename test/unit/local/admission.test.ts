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

describe("Admission", () => {
  it("lets stages of several results run beside each other, of one result one after the other", async () => {
    const log: string[] = [];
    const { work, end } = worksOf(log);
    const admission = new Admission();
    const all = [
      admission.run({ identity: "r-1" }, work("a")),
      admission.run({ identity: "r-1" }, work("b")),
      admission.run({ identity: "r-2" }, work("c")),
    ];
    await end("none");
    expect(log).toEqual(["a begins", "c begins"]);
    await end("a");
    expect(log.slice(2)).toEqual(["a ends", "b begins"]);
    await end("c");
    await end("b");
    expect(await Promise.all(all)).toEqual(["a", "b", "c"]);
  });

  it("goes on after a stage that failed", async () => {
    const admission = new Admission();
    const failed = admission.run({ identity: "r-1" }, () => Promise.reject(new Error("failed")));
    const after = admission.run({ identity: "r-1" }, async () => "after");
    await expect(failed).rejects.toThrow("failed");
    expect(await after).toBe("after");
  });
});
