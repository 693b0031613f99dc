import type { ChildProcess } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { startEarly, takeEarly } from "#src/local/early-worker.js";

const folder = await mkdtemp(join(tmpdir(), "early-"));
const program = pathToFileURL(join(folder, "worker.mjs"));
const file = fileURLToPath(program);
await writeFile(file, 'process.on("message", (what) => (what === "end" ? process.exit() : process.send(what)));');

const taken: (ChildProcess | null)[] = [];
const take = (path = file, args: string[] = []) => {
  taken.push(takeEarly(path, args));
  return taken.at(-1) ?? null;
};

describe("startEarly", () => {
  afterEach(() => {
    // What a case did not take.
    take();
    for (const child of taken.splice(0)) child?.kill("SIGKILL");
  });

  it("starts a process that is taken once, by whoever wants the same program as it runs", async () => {
    startEarly(["run", "scan.nii.gz"], program);
    expect(take(join(folder, "other.mjs"))).toBeNull();
    expect(take(file, ["--workers=2"])).toBeNull();
    const child = take();
    expect(take()).toBeNull();
    const answer = new Promise((resolve) => child?.once("message", resolve));
    child?.send("a job");
    expect(await answer).toBe("a job");
  });

  it.each([
    [["inspect", "scan.nii.gz"]],
    [["run", "scan.nii.gz", "--workers", "2"]],
    [["run", "--provider=cuda", "scan.nii.gz"]],
    [["run", "--help"]],
    [[]],
  ])("starts none for %j", (argv) => {
    startEarly(argv, program);
    expect(take()).toBeNull();
  });

  it("starts none without a program in one file, and gives none that has ended", async () => {
    startEarly(["run", "scan.nii.gz"], null);
    expect(take()).toBeNull();
    await writeFile(join(folder, "ends.mjs"), "");
    const child = startEarly(["run", "scan.nii.gz"], pathToFileURL(join(folder, "ends.mjs")));
    await new Promise((resolve) => child?.once("exit", resolve));
    expect(take(join(folder, "ends.mjs"))).toBeNull();
  });
});
