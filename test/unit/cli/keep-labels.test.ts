import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DescribedOutcome } from "#src/cli/describe-run.js";
import { keepAllLabels, labelNames } from "#src/cli/keep-labels.js";

/** Published images whose label maps hold their texts. */
async function published(...texts: string[]): Promise<DescribedOutcome[]> {
  return Promise.all(
    texts.map(async (text, n) => {
      const folder = await mkdtemp(join(tmpdir(), "result-"));
      await writeFile(join(folder, "labels.nii.gz"), text);
      return { kind: "published", subject: `t${n}`, folder, result: {}, run: {} } as DescribedOutcome;
    }),
  );
}

describe("keepAllLabels", () => {
  it("replaces no label map of another upload of the command, and says which was not written", async () => {
    const folder = await mkdtemp(join(tmpdir(), "labels-"));
    const written = new Set<string>();
    const [first, second] = labelNames(["a.zip", "a-t0.nii"]).map((name) => ({ folder, name, written }));
    if (first === undefined || second === undefined) throw new Error("two names");
    expect(await keepAllLabels(await published("1", "2"), first)).toEqual({ left: [], exitCode: 0 });
    expect(await keepAllLabels(await published("3"), second)).toEqual({
      left: [
        "label map a-t0.nii.gz was not written: InputMismatch: this command wrote one of that name already, expected names to differ",
      ],
      exitCode: 65,
    });
    expect(await readFile(join(folder, "a-t0.nii.gz"), "utf8")).toBe("1");
    // What an earlier command wrote is replaced.
    const again = { ...second, written: new Set<string>() };
    expect(await keepAllLabels(await published("3"), again)).toEqual({ left: [], exitCode: 0 });
    expect(await readFile(join(folder, "a-t0.nii.gz"), "utf8")).toBe("3");
  });

  it("goes on with the other images where one cannot be written", async () => {
    const folder = await mkdtemp(join(tmpdir(), "labels-"));
    await mkdir(join(folder, ".a-t0.nii.gz.partial"));
    const place = { folder, name: "a", written: new Set<string>() };
    expect(await keepAllLabels(await published("1", "2"), place)).toEqual({
      left: [expect.stringMatching(/^label map a-t0.nii.gz was not written: StoreDenied: file system answered EISDIR/)],
      exitCode: expect.any(Number),
    });
    expect(await readdir(folder)).toContain("a-t1.nii.gz");
  });
});
