import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NetworkSession } from "#src/inference/network-session.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { brightNetwork } from "../../support/tiny-models.js";

const shape = [1, 1, 4, 4, 4];
const input = () => ({ data: new Float32Array(64), shape });
const started: Worker[] = [];
const note = (thread: Worker) => void started.push(thread);

/** The next turn, when threads are started and none has answered yet. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

const open = (outputName = "logits"): Promise<NetworkSession> =>
  ortSessions("cpu", { workers: 2 })({
    bytes: async () => brightNetwork(),
    sha256: "",
    inputName: "image",
    outputName,
    shape,
  });

describe("sessions with threads", () => {
  beforeEach(() => void process.on("worker", note));
  afterEach(() => {
    process.off("worker", note);
    started.length = 0;
  });

  it("lose the run of a thread that ends, and go on in another one", async () => {
    const session = await open();
    const beside = session.beside as NonNullable<NetworkSession["beside"]>;
    const expected = (await session.run(input())).data.slice();
    const lost = beside.run(input());
    const refused = expect(lost).rejects.toMatchObject({
      code: "InferenceFailed",
      message: "a thread that runs networks was lost",
    });
    await turn();
    await started[0]?.terminate();
    await refused;
    const answers = await Promise.all([beside.run(input()), beside.run(input()), beside.run(input())]);
    expect(answers.map(({ data }) => data)).toEqual([expected, expected, expected]);
    expect(started).toHaveLength(3);
    await session.close();
  });

  it("give a run that waits for a thread another one than that which ended", async () => {
    const session = await open();
    const beside = session.beside as NonNullable<NetworkSession["beside"]>;
    const runs = [1, 2, 3].map(() => beside.run(input()).catch(({ code }) => code));
    await turn();
    await Promise.all(started.map((thread) => thread.terminate()));
    const [one, other, waiting] = await Promise.all(runs);
    expect([one, other]).toEqual(["InferenceFailed", "InferenceFailed"]);
    expect(waiting.shape).toEqual([1, 2, 4, 4, 4]);
    await session.close();
  });

  it("open ahead in as many threads as runs will be beside each other, or in this one for a single run", async () => {
    const session = await open();
    const beside = session.beside as NonNullable<NetworkSession["beside"]>;
    await session.ready?.(1);
    expect([beside.isStarted(), started.length]).toEqual([false, 0]);
    await session.ready?.(3);
    expect([beside.isStarted(), started.length]).toEqual([true, 2]);
    await Promise.all([beside.run(input()), beside.run(input())]);
    expect(started).toHaveLength(2);
    await session.close();
    const none = await open("missing");
    await expect(none.ready?.(1)).rejects.toMatchObject({ code: "ModelInvalid" });
    await expect(none.ready?.(2)).rejects.toMatchObject({ code: "ModelInvalid" });
    await none.close();
  });

  it("close where their network could not be opened", async () => {
    const session = await open("missing");
    await expect(session.run(input())).rejects.toMatchObject({ code: "ModelInvalid" });
    await expect(session.close()).resolves.toBeUndefined();
  });
});
