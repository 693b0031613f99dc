import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { bundledProgram, compiledDigest, MADE_OF } from "#src/local/bundled-program.js";

describe("bundledProgram", () => {
  let dist: string;
  let here: string;
  beforeEach(async () => {
    dist = await mkdtemp(join(tmpdir(), "dist-"));
    here = pathToFileURL(join(dist, "src", "local", "bundled-program.js")).href;
    await mkdir(join(dist, "bundle"));
    for (const project of ["main", "kernels"]) await writeFile(join(dist, `${project}.tsbuildinfo`), project);
  });

  /** As the build does it. */
  async function bundle(name: string): Promise<URL> {
    await writeFile(join(dist, "bundle", `${name}.js`), "");
    await writeFile(join(dist, "bundle", MADE_OF), compiledDigest(pathToFileURL(join(dist, "/"))));
    return pathToFileURL(join(dist, "bundle", `${name}.js`));
  }

  it("is the bundle that was made of what is compiled", async () => {
    const program = await bundle("worker");
    expect(bundledProgram("worker", here)).toEqual(program);
  });

  it.each(["main", "kernels"])(
    "is none when something of %s was compiled since, whatever its date",
    async (project) => {
      await bundle("worker");
      await writeFile(join(dist, `${project}.tsbuildinfo`), "another");
      expect(bundledProgram("worker", here)).toBeNull();
    },
  );

  it("is none where it does not say what it was made of", async () => {
    await writeFile(join(dist, "bundle", "command.js"), "");
    expect(bundledProgram("command", here)).toBeNull();
  });

  it("is none where none was made, and of sources", async () => {
    expect(bundledProgram("command", here)).toBeNull();
    await bundle("command");
    expect(bundledProgram("command", here.replace(/js$/, "ts"))).toBeNull();
  });
});
