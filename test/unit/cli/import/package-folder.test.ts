import { mkdir, mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makePackage } from "#src/cli/import/package-folder.js";

describe("makePackage", () => {
  // It says that this package has no network to measure.
  beforeEach(() => void vi.spyOn(console, "log").mockImplementation(() => {}));
  afterEach(() => void vi.restoreAllMocks());

  it("lets those read a package who may read the folder of packages", async () => {
    const models = join(await mkdtemp(join(tmpdir(), "packages-")), "models");
    const place = await makePackage(models, new AbortController().signal, async (folder) => {
      await writeFile(join(folder, "manifest.json"), "{}");
      return "liver";
    });
    await mkdir(join(models, "by-hand"));
    const [made, byHand] = [await stat(place), await stat(join(models, "by-hand"))];
    expect(made.mode).toBe(byHand.mode);
    expect((await readdir(models)).sort()).toEqual(["by-hand", "liver"]);
    expect(await readdir(place)).toEqual(["manifest.json"]);
  });

  it("leaves nothing where it fails", async () => {
    const models = await mkdtemp(join(tmpdir(), "packages-"));
    const failing = makePackage(models, new AbortController().signal, async (folder) => {
      await writeFile(join(folder, "manifest.json"), "{}");
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await readdir(models)).toEqual([]);
  });
});
