import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { writeNifti } from "#src/formats/nifti-write.js";
import { digestsBelow, scanlane } from "../support/cli.js";
import { type PhantomFile, phantomSeries } from "../support/phantom-series.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

const text = (value: string) => new TextEncoder().encode(value);
const nifti = writeNifti({
  size: [8, 8, 8],
  affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
  spacingMm: [1, 1, 1],
  data: new Int16Array(512).fill(3, 9, 40),
});

/** The series without its fourth slice. */
const gap = () => phantomSeries({ size: [8, 8, 9], depthMm: (k) => (k < 4 ? k : k + 1) * 3 });
/** Four steps of 3 mm, then four of 7 mm. */
const twoSpacings = () => phantomSeries({ size: [8, 8, 9], depthMm: (k) => (k < 5 ? k * 3 : 12 + (k - 4) * 7) });

/** An entry of a zip file under a name that no archiver would write. */
async function zipWithName(name: string): Promise<Buffer> {
  const plain = "x".repeat(name.length);
  const zip = await zipOf([{ name: plain, bytes: nifti }]);
  return Buffer.from(zip.toString("latin1").replaceAll(plain, name), "latin1");
}

interface Case {
  readonly what: string;
  readonly file: string;
  readonly bytes: () => Promise<Uint8Array> | Uint8Array;
  readonly code: string;
  readonly exit: number;
  /** What the sentence must say of found and expected. */
  readonly says: readonly RegExp[];
  readonly model?: string;
}

const series = (files: () => readonly PhantomFile[]) => () => zipOf(files());

const CASES: readonly Case[] = [
  {
    what: "a truncated NIfTI",
    file: "Doe^John.nii",
    bytes: () => nifti.subarray(0, 700),
    code: "InputUnreadable",
    exit: 65,
    says: [/700/, /1376/],
  },
  {
    what: "a text file named .nii.gz",
    file: "Doe^John.nii.gz",
    bytes: () => text("not an image"),
    code: "InputUnreadable",
    exit: 65,
    says: [/entry 0/, /NIfTI/],
  },
  {
    what: "an empty file",
    file: "Doe^John.nii",
    bytes: () => new Uint8Array(),
    code: "InputUnreadable",
    exit: 65,
    says: [/0 bytes/],
  },
  {
    what: "a zip with no image",
    file: "Doe^John.zip",
    bytes: () => zipOf([{ name: "readme.txt", bytes: text("hello") }]),
    code: "NoImage",
    exit: 65,
    says: [/expected/],
  },
  {
    what: "a zip with ../ in a name",
    file: "Doe^John.zip",
    bytes: () => zipWithName("../../evil.nii"),
    code: "InputUnsafe",
    exit: 65,
    says: [/entry 0|member 0/],
  },
  {
    what: "a zip that unpacks to more than its limit",
    file: "Doe^John.zip",
    bytes: () => zipOf([{ name: "bomb.nii", bytes: new Uint8Array(270 * 2 ** 20) }]),
    code: "InputUnsafe",
    exit: 65,
    says: [/unpacks/, /expected at most/],
  },
  {
    what: "a damaged zip",
    file: "Doe^John.zip",
    bytes: async () => (await zipOf([{ name: "a.nii", bytes: nifti }])).subarray(0, 120),
    code: "InputUnreadable",
    exit: 65,
    says: [/zip|archive/],
  },
  {
    what: "a DICOM series with a missing slice",
    file: "Doe^John.zip",
    bytes: series(gap),
    code: "SeriesGap",
    exit: 65,
    says: [/6\.00? mm/, /3\.00? mm/],
  },
  {
    what: "a DICOM series with two spacings",
    file: "Doe^John.zip",
    bytes: series(twoSpacings),
    code: "SeriesIrregular",
    exit: 65,
    says: [/7\.00? mm/, /3\.00? mm/],
  },
  {
    what: "an unknown model",
    file: "Doe^John.nii",
    bytes: () => nifti,
    model: "liver",
    code: "ModelUnknown",
    exit: 78,
    says: [/"liver"/, /bright3d/],
  },
  {
    what: "a model whose weights have another digest",
    file: "Doe^John.nii",
    bytes: () => nifti,
    model: "tampered",
    code: "ModelDigestMismatch",
    exit: 78,
    says: [/has digest/, /expects/],
  },
  {
    what: "a model with a broken manifest",
    file: "Doe^John.nii",
    bytes: () => nifti,
    model: "broken",
    code: "ModelInvalid",
    exit: 78,
    says: [/network/],
  },
  {
    what: "an image that no rule fits",
    file: "Doe^John.nii",
    bytes: () => nifti,
    model: "",
    code: "NoRoute",
    exit: 78,
    says: [/nifti/, /expected/],
  },
];

let models: string;
beforeAll(async () => {
  const network = brightNetwork();
  const manifest = brightManifest(network);
  models = await modelsFolderWith([
    { manifest, network },
    { manifest: { ...manifest, id: "tampered" }, network: brightNetwork(2) },
  ]);
  await mkdir(join(models, "broken"));
  await writeFile(join(models, "broken", "manifest.json"), JSON.stringify({ ...manifest, id: "broken", network: {} }));
});

describe("bad input", () => {
  for (const { what, file, bytes, code, exit, says, model = "bright3d" } of CASES) {
    it(`sets aside ${what}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "bad-"));
      const path = join(folder, "in", file);
      await mkdir(dirname(path));
      await writeFile(path, await bytes());
      const before = await readFile(path);
      const out = join(folder, "out");
      const chosen = model === "" ? [] : ["--model", model];
      const result = await scanlane(["run", path, "--models", models, "--out", out, ...chosen]);

      expect(result.code).toBe(exit);
      expect(result.stdout).toContain(`${file}: set aside at`);
      const records = (await readdir(join(out, "quarantine"), { recursive: true })).filter((name) =>
        name.endsWith(".json"),
      );
      expect(records).toHaveLength(1);
      const record = JSON.parse(await readFile(join(out, "quarantine", records[0] ?? ""), "utf8"));
      expect(record.code).toBe(code);
      for (const part of says) expect(record.message).toMatch(part);
      expect(record.message).not.toMatch(/Doe|John|^[A-Z]|\.$/);

      // Nothing half-published, and the source as it was.
      const published = Object.keys(
        await digestsBelow(out, /^(quarantine|index|\.work)\/|^index\.jsonl$|^results\.csv$/),
      );
      expect(published).toEqual([]);
      expect(await readFile(path)).toEqual(before);
      expect(await readFile(join(out, "results.csv"), "utf8")).toContain(`quarantined,${code}`);
    });
  }

  it("gives a scan that was set aside a new attempt when it is run again", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bad-"));
    const path = join(folder, "a.nii");
    await writeFile(path, nifti.subarray(0, 700));
    const out = join(folder, "out");
    for (const attempt of [1, 2]) {
      const { stdout } = await scanlane([
        "run",
        path,
        "--models",
        models,
        "--out",
        out,
        "--json",
        "--model",
        "bright3d",
      ]);
      expect(JSON.parse(stdout).attempt).toBe(attempt);
    }
  });

  it("answers a path that is not there, and a folder without files", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bad-"));
    const gone = await scanlane(["run", join(folder, "gone.nii"), "--out", join(folder, "out")]);
    expect(gone).toMatchObject({ code: 65, stderr: expect.stringContaining("gone.nii: StoreMissing") });
    await mkdir(join(folder, "empty"));
    expect((await scanlane(["run", join(folder, "empty"), "--out", join(folder, "out")])).code).toBe(65);
  });
});
