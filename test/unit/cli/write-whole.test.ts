import { lstat, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeWhole } from "#src/cli/write-whole.js";

describe("writeWhole", () => {
  it("writes a file with its folder, and in place of one that was there", async () => {
    const path = join(await mkdtemp(join(tmpdir(), "whole-")), "deep", "a.json");
    await writeWhole(path, "1");
    await writeWhole(path, "2");
    expect(await readFile(path, "utf8")).toBe("2");
    expect(await readdir(join(path, ".."))).toEqual(["a.json"]);
  });

  it("leaves what was there as it is where the new one cannot be written", async () => {
    const folder = await mkdtemp(join(tmpdir(), "whole-"));
    await writeFile(join(folder, "a.json"), "1");
    await mkdir(join(folder, ".a.json.partial"));
    await expect(writeWhole(join(folder, "a.json"), "2")).rejects.toThrow("EISDIR");
    expect(await readFile(join(folder, "a.json"), "utf8")).toBe("1");
  });

  it("writes to a device, and does not put a file in its place", async () => {
    await writeWhole("/dev/null", "1");
    expect(await readFile("/dev/null", "utf8")).toBe("");
  });

  it("writes to what a link names, and leaves the link", async () => {
    const folder = await mkdtemp(join(tmpdir(), "whole-"));
    await writeFile(join(folder, "there.json"), "1");
    await symlink(join(folder, "there.json"), join(folder, "link.json"));
    await writeWhole(join(folder, "link.json"), "2");
    expect(await readFile(join(folder, "there.json"), "utf8")).toBe("2");
    expect((await lstat(join(folder, "link.json"))).isSymbolicLink()).toBe(true);
  });
});
