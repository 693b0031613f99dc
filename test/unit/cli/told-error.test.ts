import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { assertFolder } from "#src/cli/assert-folder.js";
import { pathOf, toldError } from "#src/cli/told-error.js";

const answered = (code: string) => Object.assign(new Error(`${code}: /x`), { code, syscall: "open", path: "/x\u001b" });

describe("toldError", () => {
  it.each([
    ["EACCES", "StoreDenied", "expected this user to be allowed"],
    ["EROFS", "StoreDenied", "expected this user to be allowed"],
    ["ENOTDIR", "StoreDenied", "expected a folder where folders are named"],
    ["EEXIST", "StoreDenied", "expected a folder where folders are named"],
    ["ENOSPC", "StoreBusy", "expected room"],
  ])("takes %s of the file system for no fault of the program", (code, ours, expected) => {
    const error = toldError(answered(code));
    expect(error).toMatchObject({
      code: ours,
      message: expect.stringContaining(`file system answered ${code}, ${expected}`),
    });
    expect(pathOf(error)).toBe("/x\ufffd");
  });

  it("leaves the rest as it is", () => {
    expect(toldError(answered("EIO")).code).toBe("Internal");
    expect(toldError(Object.assign(new Error("no"), { code: "EACCES" })).code).toBe("Internal");
  });
});

describe("assertFolder", () => {
  it("takes a folder that is there or can be made, and makes none", async () => {
    const root = await mkdtemp(join(tmpdir(), "folder-"));
    await assertFolder(root, "--out");
    await assertFolder(join(root, "a", "b"), "--out");
    expect(await readdir(root)).toEqual([]);
  });

  it("refuses a file in the place of a folder as wrong usage", async () => {
    const root = await mkdtemp(join(tmpdir(), "folder-"));
    await mkdir(join(root, "sub"));
    await writeFile(join(root, "sub", "file"), "kept");
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    for (const path of ["sub/file", "sub/file/deep/er"]) {
      await expect(assertFolder(join(root, path), "--out"), path).rejects.toThrow(
        "--out or what it lies in is a file, expected a folder",
      );
    }
    said.mockRestore();
    expect(await readFile(join(root, "sub", "file"), "utf8")).toBe("kept");
  });
});
