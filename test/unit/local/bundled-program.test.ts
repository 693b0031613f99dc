import { mkdir, mkdtemp, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { bundledProgram } from "#src/local/bundled-program.js";

/** A file that was changed so many seconds after some moment. */
async function fileOf(path: string, seconds: number): Promise<void> {
  await writeFile(path, "");
  await utimes(path, 1e9 + seconds, 1e9 + seconds);
}

describe("bundledProgram", () => {
  let dist: string;
  let here: string;
  beforeEach(async () => {
    dist = await mkdtemp(join(tmpdir(), "dist-"));
    here = pathToFileURL(join(dist, "src", "local", "bundled-program.js")).href;
    await mkdir(join(dist, "bundle"));
  });

  it("is the bundle that was made of what is compiled", async () => {
    await fileOf(join(dist, "main.tsbuildinfo"), 0);
    await fileOf(join(dist, "kernels.tsbuildinfo"), 1);
    await fileOf(join(dist, "bundle", "worker.js"), 2);
    expect(bundledProgram("worker", here)).toEqual(pathToFileURL(join(dist, "bundle", "worker.js")));
  });

  it("is the bundle of a package that was installed, which nobody compiles", async () => {
    await fileOf(join(dist, "bundle", "command.js"), 0);
    expect(bundledProgram("command", here)).toEqual(pathToFileURL(join(dist, "bundle", "command.js")));
  });

  it.each(["main", "kernels"])("is none when something of %s was compiled since", async (project) => {
    await fileOf(join(dist, "bundle", "worker.js"), 0);
    await fileOf(join(dist, `${project}.tsbuildinfo`), 1);
    expect(bundledProgram("worker", here)).toBeNull();
  });

  it("is none where none was made, and of sources", async () => {
    expect(bundledProgram("command", here)).toBeNull();
    await fileOf(join(dist, "bundle", "command.js"), 0);
    expect(bundledProgram("command", here.replace(/js$/, "ts"))).toBeNull();
  });
});
