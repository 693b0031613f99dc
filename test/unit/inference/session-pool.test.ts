import { describe, expect, it } from "vitest";
import type { OpenSession, SessionRequest } from "#src/inference/network-session.js";
import { SessionPool } from "#src/inference/session-pool.js";

/** Opens networks that do nothing, and writes down what is opened and closed. */
function recorded() {
  const log: string[] = [];
  const open: OpenSession = async ({ sha256, bytes }) => {
    const file = await bytes();
    if (file.length === 0) throw new Error("an empty file");
    log.push(`open ${sha256}`);
    return {
      run: async (input) => input,
      close: async () => void log.push(`close ${sha256}`),
    };
  };
  return { log, open };
}

const request = (sha256: string, bytes: number, outputName = "y"): SessionRequest => ({
  bytes: async () => new Uint8Array(bytes),
  sha256,
  inputName: "x",
  outputName,
});
const [a, b, c] = [request("a", 4), request("b", 4), request("c", 4)];

describe("SessionPool", () => {
  it("loads the members of an ensemble once for many scans", async () => {
    const { log, open } = recorded();
    const pool = new SessionPool(open, 8);
    for (let scan = 0; scan < 3; scan++) {
      await pool.get([a]);
      await pool.get([b]);
    }
    expect(log).toEqual(["open a", "open b"]);
  });

  it("closes what was used longest ago before it opens what is beyond the limit", async () => {
    const { log, open } = recorded();
    const pool = new SessionPool(open, 8);
    await pool.get([a]);
    await pool.get([b]);
    await pool.get([a]);
    await pool.get([c]);
    expect(log).toEqual(["open a", "open b", "close b", "open c"]);
  });

  it("holds all folds of a model at once, whatever the limit", async () => {
    const { log, open } = recorded();
    const pool = new SessionPool(open, 1);
    const sessions = await pool.get([a, b]);
    expect(new Set(sessions).size).toBe(2);
    expect(log).toEqual(["open a", "open b"]);
    await pool.get([c]);
    expect(log.slice(2)).toEqual(["close a", "close b", "open c"]);
  });

  it("gives sessions in the order of the requests, one for a network that is asked for twice", async () => {
    const pool = new SessionPool(recorded().open);
    const [first] = await pool.get([a]);
    const [, second, third] = await pool.get([b, a, a]);
    expect(second).toBe(first);
    expect(third).toBe(first);
  });

  it("opens a file again under another name of its output", async () => {
    const { log, open } = recorded();
    const pool = new SessionPool(open);
    await pool.get([a]);
    await pool.get([request("a", 4, "z")]);
    expect(log).toEqual(["open a", "open a"]);
  });

  it("tries a network again that did not open, and keeps the others", async () => {
    const { log, open } = recorded();
    const pool = new SessionPool(open);
    await expect(pool.get([a, request("broken", 0)])).rejects.toThrow("an empty file");
    await pool.get([a, request("broken", 4)]);
    expect(log).toEqual(["open a", "open broken"]);
  });

  it("closes each network once", async () => {
    const { log, open } = recorded();
    const pool = new SessionPool(open);
    await pool.get([a, b]);
    await pool.close();
    await pool.close();
    expect(log.slice(2)).toEqual(["close a", "close b"]);
  });
});
