import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { scanlane } from "../support/cli.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

const SIZE = [8, 8, 8] as const;
const image = (data: Int16Array | Uint8Array) =>
  writeNifti({ size: SIZE, affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1], data });
const ramp = (shift: number) => Int16Array.from({ length: 512 }, (_, i) => i - shift);

let root = "";
let models = "";
const at = (...names: string[]) => join(root, ...names);

beforeAll(async () => {
  const network = brightNetwork();
  models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
  root = await mkdtemp(join(tmpdir(), "by-name-"));
  for (const folder of ["in/Study1", "in/other", "truth"]) await mkdir(at(folder), { recursive: true });
  await writeFile(at("in/Study1/IM0001"), image(ramp(0)));
  await writeFile(at("in/a.nii"), image(ramp(20)));
  await writeFile(at("in/other/a.nii"), image(ramp(40)));
  const truthOf = (shift: number) => image(Uint8Array.from(ramp(shift), (value) => (value > 100 ? 1 : 0)));
  await writeFile(at("truth/Study1.nii"), truthOf(0));
  await writeFile(at("truth/a.nii"), truthOf(20));
});

describe("results by the names of their uploads", () => {
  it("go from `run` to `results` and `evaluate`, with a label map for each upload", async () => {
    const run = async (...paths: string[]) =>
      scanlane([
        "run",
        ...paths,
        "--model",
        "bright3d",
        "--models",
        models,
        "--out",
        at("out"),
        "--labels-to",
        at("maps"),
      ]);
    expect(await run(at("in/Study1"), at("in/a.nii"))).toMatchObject({ code: 3 });
    const listed = await scanlane(["results", "--out", at("out"), "--source", "Study", "--json"]);
    expect(JSON.parse(listed.stdout)).toMatchObject({ source: "Study1", status: "published" });
    const scores = await scanlane(["evaluate", "--truth", at("truth"), "--pred", at("out"), "--json"]);
    expect(scores).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(scores.stdout).cases.map((one: { case: string; dice: number }) => [one.case, one.dice])).toEqual([
      ["Study1", 1],
      ["a", 1],
    ]);

    expect((await readdir(at("maps"))).sort()).toEqual(["Study1.nii.gz", "a.nii.gz"]);
    const labels = readNifti(await readFile(at("maps/a.nii.gz")));
    expect(Array.from(labels.data).filter((value) => value === 1).length).toBe(511 - 20 - 100);
    await rm(at("maps"), { recursive: true });
    // Done before: the label maps are there again.
    await run(at("in/a.nii"), at("in/other/a.nii"));
    expect((await readdir(at("maps"))).sort()).toEqual(["a-2.nii.gz", "a.nii.gz"]);
    // A label map that cannot be written hides no result.
    await mkdir(at("maps", ".a.nii.gz.partial"));
    const kept = await run(at("in/a.nii"));
    expect(kept.code).toBeGreaterThan(3);
    expect(kept.stderr).toContain("a.nii: label map a.nii.gz was not written: StoreDenied");
    expect(kept.stdout).toContain("a.nii: bright3d");
    const ambiguous = await scanlane(["evaluate", "--truth", at("truth"), "--pred", at("out")]);
    expect(ambiguous.code).toBe(65);
    expect(ambiguous.stderr).toContain("case 2 (a): results hold 2 of a.nii");
  }, 120_000);
});
