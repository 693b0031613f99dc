import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { writeNifti } from "#src/formats/nifti-write.js";
import { scanlane } from "../support/cli.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

/** A name that a terminal would act on, and a spreadsheet too. */
const NAME = "-2+3+cmd|\u001b[2J.nii";
let models: string;
let folder: string;
let out: string;
const volume = (value: number) =>
  writeNifti({
    size: [8, 8, 8],
    affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    spacingMm: [1, 1, 1],
    data: new Int16Array(512).fill(10).fill(value, 200, 300),
  });

beforeAll(async () => {
  const network = brightNetwork();
  models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
  folder = await mkdtemp(join(tmpdir(), "operator-"));
  out = join(folder, "out");
});

const run = (path: string, ...more: string[]) =>
  scanlane(["run", path, "--models", models, "--out", out, "--json", ...more]);
const ask = (...args: string[]) => scanlane([...args, "--out", out]);

describe("an operator of one machine", () => {
  it("finds out what became of a scan, gives it another attempt and removes it", async () => {
    const path = join(folder, NAME);
    await writeFile(path, volume(150));
    // No rule names a model for it.
    const failed = await run(path);
    expect(failed.code).toBe(78);
    const { scanId } = JSON.parse(failed.stdout);
    const seen = await ask("status", scanId);
    expect([seen.code, seen.stdout]).toEqual([78, expect.stringContaining("NoRoute")]);
    expect((await ask("quarantine", "list")).stdout).toMatch(/1 set aside\n$/);
    expect((await ask("quarantine", "list")).stdout).not.toContain("cmd");
    const named = await ask("quarantine", "show", scanId, "--names");
    expect(named.stdout).toContain("-2+3+cmd|\ufffd[2J.nii");
    expect(await readFile(join(out, "results.csv"), "utf8")).toContain("'-2+3+cmd|");

    await writeFile(
      join(models, "routes.json"),
      JSON.stringify({ schemaVersion: 1, routes: [{ format: "nifti", model: "bright3d" }] }),
    );
    const retried = await ask("quarantine", "retry", scanId, "--models", models, "--json");
    expect(retried.code, retried.stderr).toBeLessThanOrEqual(3);
    expect(JSON.parse(retried.stdout)).toMatchObject({ scanId, attempt: 2, outcomes: [{ kind: "published" }] });
    expect((await ask("quarantine", "list")).stdout).toBe("0 set aside\n");
    const again = await ask("quarantine", "retry", scanId);
    expect([again.code, again.stderr]).toEqual([65, expect.stringContaining("was published")]);
    const status = await ask("status", scanId, "--json");
    const { state, tasks, earlier } = JSON.parse(status.stdout);
    expect([state, earlier]).toEqual(["published", [{ attempt: 1, subject: "scan", code: "NoRoute" }]]);
    const { identity } = tasks[0];
    expect((await ask("status", identity)).stdout).toContain(`made by scan ${scanId}, attempt 2`);

    const other = JSON.parse((await run(await copyAs("other.nii", 151))).stdout);
    const lines = await ask("results", "--source", "other", "--json");
    expect(
      lines.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).scanId),
    ).toEqual([other.scanId]);
    expect((await ask("results", "--status", "published")).stdout).toMatch(/2 images\n$/);

    const asked = await ask("delete", scanId);
    expect([asked.code, asked.stderr]).toEqual([64, expect.stringContaining("--yes")]);
    const deleted = await ask("delete", scanId, "--yes");
    expect([deleted.code, deleted.stdout]).toEqual([0, expect.stringMatching(/removed: \d+ files of results/)]);
    const left = await readdir(out, { recursive: true });
    expect(left.filter((name) => name.includes(scanId) || name.includes(identity))).toEqual([]);
    expect(left).toContain(join(other.outcomes[0].result.identity, "result.json"));
    for (const name of ["index.jsonl", "results.csv"]) {
      expect(await readFile(join(out, name), "utf8")).not.toContain(scanId);
    }
    expect(await readFile(path)).toEqual(Buffer.from(volume(150)));
  }, 120_000);

  it("is told where the upload is gone or another one, and that a scan is unknown", async () => {
    const path = await copyAs("short.nii", 150, 100);
    const { scanId } = JSON.parse((await run(path)).stdout);
    await writeFile(path, volume(152));
    const changed = await ask("quarantine", "retry", scanId);
    expect([changed.code, changed.stderr]).toEqual([65, expect.stringMatching(/entry 0 of the upload is another one/)]);
    await rm(path);
    expect((await ask("quarantine", "retry", scanId)).stderr).toContain("is not there");
    const unknown = await ask("delete", `s-${"0".repeat(40)}`, "--yes");
    expect([unknown.code, unknown.stderr]).toEqual([65, expect.stringContaining("nothing is known of scan")]);
    expect((await ask("status", "s-12")).code).toBe(64);
    const nowhere = await scanlane(["results", "--out", join(folder, "nowhere")]);
    expect([nowhere.code, nowhere.stderr]).toEqual([65, expect.stringContaining("no folder of results")]);
    const half = await ask("status", scanId, "--result-bucket", "b");
    expect([half.code, half.stderr]).toEqual([64, expect.stringMatching(/needs --work-bucket, --machine/)]);
  }, 60_000);
});

async function copyAs(name: string, value: number, bytes?: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, volume(value).subarray(0, bytes));
  return path;
}
