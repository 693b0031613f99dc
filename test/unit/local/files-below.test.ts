import { chmod, mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesBelow } from "#src/local/files-below.js";
import { asNobody } from "../../support/as-nobody.js";

/** A folder with these files and links. */
async function folderOf(files: readonly string[], links: Readonly<Record<string, string>> = {}): Promise<string> {
  const root = join(await mkdtemp(join(tmpdir(), "below-")), "root");
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), file);
  }
  for (const [name, target] of Object.entries(links)) await symlink(target, join(root, name));
  return root;
}

describe("filesBelow", () => {
  it("gives a file once, where it lies, however many links lead to it", async () => {
    const root = await folderOf(["series1/1", "series1/deep/2", "z"], {
      latest: "series1",
      "a-file": "z",
      inner: "series1/deep",
    });
    expect(await filesBelow(root, [])).toEqual(["series1/1", "series1/deep/2", "z"]);
  });

  it("gives what lies elsewhere once too, by the first of its links", async () => {
    const elsewhere = await folderOf(["x/1", "x/2", "3"]);
    const root = await folderOf(["0"], {
      "a-file": join(elsewhere, "x/1"),
      "b-inner": join(elsewhere, "x"),
      "c-all": elsewhere,
    });
    expect(await filesBelow(root, [])).toEqual(["0", "a-file", "b-inner/2", "c-all/3"]);
  });

  it("takes the time of the files where folders are linked twice on every level", async () => {
    const levels = Array.from({ length: 40 }, (_, n) => n);
    const root = await folderOf(
      levels.map((n) => `l${n}/file`),
      Object.fromEntries(levels.slice(1).flatMap((n) => ["a", "b"].map((name) => [`l${n - 1}/${name}`, `../l${n}`]))),
    );
    expect(await filesBelow(root, [])).toHaveLength(40);
    expect(await filesBelow(join(root, "l0"), [])).toEqual(levels.map((n) => `${"a/".repeat(n)}file`).sort());
  });

  it("refuses a link to a folder that it lies in, in whatever folder", async () => {
    const elsewhere = await folderOf(["1"]);
    await symlink(dirname(elsewhere), join(elsewhere, "up"));
    for (const root of [elsewhere, await folderOf(["0"], { link: elsewhere })]) {
      await expect(filesBelow(root, [])).rejects.toMatchObject({ code: "InputUnsafe" });
    }
  });

  it("says StoreDenied for a folder that may not be read, also behind a link", async () => {
    const root = await folderOf(["1", "shut/behind/2"]);
    const linked = await folderOf(["1"], { link: join(root, "shut/behind") });
    for (const folder of [dirname(root), root, dirname(linked), linked]) await chmod(folder, 0o755);
    await chmod(join(root, "shut"), 0o000);
    for (const folder of [root, linked]) {
      const asked = asNobody(() => filesBelow(folder, []));
      await expect(asked).rejects.toMatchObject({
        code: "StoreDenied",
        message: "file system answered EACCES, expected this user to be allowed",
      });
    }
    await chmod(join(root, "shut"), 0o755);
  });
});
