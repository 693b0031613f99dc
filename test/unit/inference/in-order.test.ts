import { describe, expect, it } from "vitest";
import { inOrder } from "#src/inference/in-order.js";

/** Jobs that end when they are told to, and what was started of them. */
function held(count: number) {
  const started: number[] = [];
  const ends: { readonly resolve: (value: string) => void; readonly reject: (error: Error) => void }[] = [];
  const jobs = Array.from({ length: count }, (_, n) => () => {
    started.push(n);
    return new Promise<string>((resolve, reject) => {
      ends[n] = { resolve, reject };
    });
  });
  return {
    jobs,
    started,
    end: (n: number) => ends[n]?.resolve(`answer ${n}`),
    refuse: (n: number, e: Error) => ends[n]?.reject(e),
  };
}

describe("inOrder", () => {
  it("gives answers in the order of the jobs, whichever ends first", async () => {
    const { jobs, end } = held(3);
    const answers = inOrder(jobs, () => 3);
    const first = answers.next();
    end(2);
    end(1);
    end(0);
    expect([await first, await answers.next(), await answers.next()].map(({ value }) => value)).toEqual([
      "answer 0",
      "answer 1",
      "answer 2",
    ]);
    expect((await answers.next()).done).toBe(true);
  });

  it.each([1, 2, 3])("has at most %i jobs under way", async (width) => {
    const { jobs, started, end } = held(4);
    const answers = inOrder(jobs, () => width);
    for (let n = 0; n < 4; n++) {
      const next = answers.next();
      expect(started).toHaveLength(Math.min(4, n + width));
      end(n);
      await next;
    }
  });

  it("starts nothing more after a refusal, and waits for what is under way", async () => {
    const { jobs, started, end, refuse } = held(4);
    const answers = inOrder(jobs, () => 2);
    const next = answers.next();
    const refused = new Error("no");
    refuse(0, refused);
    let settled = false;
    const seen = next.finally(() => {
      settled = true;
    });
    seen.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    end(1);
    await expect(seen).rejects.toBe(refused);
    expect(started).toEqual([0, 1]);
  });
});
