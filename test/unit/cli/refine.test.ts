import { mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { refine } from "#src/cli/refine.js";
import { tuneThresholdsOf } from "#src/cli/tune-thresholds.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { gzipDeterministic, writeNifti } from "#src/formats/nifti-write.js";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { buildNpy } from "../../support/npy-builder.js";
import { zipOf } from "../../support/zip-builder.js";

const SIZE: Size3 = [6, 5, 4];
const VOXELS = 120;
const affineRas: Affine = [2, 0, 0, -7, 0, 2, 0, 3, 0, 0, 2.5, 1];
const grid = { size: SIZE, affineRas, spacingMm: [2, 2, 2.5] as const };

/** Label 1 in a block with a bridge to a corner, label 2 as two specks. */
const truth = Uint8Array.from({ length: VOXELS }, (_, i) =>
  i % 6 < 3 && i % 30 < 18 ? 1 : i === 29 || i === 113 ? 2 : 0,
);
const of = (label: number): Float32Array =>
  Float32Array.from(truth, (value, i) => (value === label ? 0.8 - 0.002 * i : label === 0 ? 0 : 0.05));
const ones = of(1);
const twos = of(2);
const background = Float32Array.from(truth, (_, i) => 1 - (ones[i] ?? 0) - (twos[i] ?? 0));

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "refine-"));
  const data = Float32Array.of(...background, ...ones, ...twos);
  await writeFile(at("four.nii.gz"), gzipDeterministic(writeNifti({ ...grid, data, channels: 3 })));
  await mkdir(at("folder"));
  await writeFile(at("folder/1.nii"), writeNifti({ ...grid, data: ones }));
  await writeFile(at("folder/2.nii.gz"), gzipDeterministic(writeNifti({ ...grid, data: twos })));
  await writeFile(at("folder/notes.txt"), "not read");
  const array = buildNpy("<f4", [3, 4, 5, 6], new Uint8Array(data.buffer));
  await writeFile(at("case.npz"), await zipOf([{ name: "softmax.npy", bytes: array }]));
  await writeFile(at("image.nii"), writeNifti({ ...grid, data: Float32Array.from(truth, (value) => 50 * value) }));
  await writeFile(at("labels.nii"), writeNifti({ ...grid, data: truth }));
  await writeFile(at("steps.json"), JSON.stringify([{ kind: "remove-small", labels: [2], minVoxels: 2 }]));
});

/** What it printed, and the label map it wrote. */
async function run(path: string, flags: Partial<Parameters<typeof refine>[1]> = {}) {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    await refine(at(path), { steps: at("steps.json"), out: at("out.nii.gz"), ...flags });
    const image = readNifti(await readFile(flags.out ?? at("out.nii.gz")));
    return { text: log.mock.calls.flat().join("\n"), image, labels: [...image.data].join("") };
  } finally {
    log.mockRestore();
  }
}

async function failure(path: string, flags: Partial<Parameters<typeof refine>[1]> = {}): Promise<string> {
  return run(path, flags).then(
    () => "none",
    (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : "?"),
  );
}

const stepsFile = async (...steps: unknown[]): Promise<string> => {
  const path = at(`steps-${JSON.stringify(steps).length}-${Math.abs(JSON.stringify(steps).charCodeAt(12))}.json`);
  await writeFile(path, JSON.stringify(steps));
  return path;
};

const WITHOUT_SPECKS = [...truth].map((label) => (label === 2 ? 0 : label)).join("");

describe("scanlane refine", () => {
  it("reads 4-D NIfTI, a folder of labels, nnU-Net's .npz and a label map alike", async () => {
    expect((await run("four.nii.gz")).labels).toBe(WITHOUT_SPECKS);
    expect((await run("folder")).labels).toBe(WITHOUT_SPECKS);
    expect((await run("case.npz", { image: [at("image.nii")] })).labels).toBe(WITHOUT_SPECKS);
    expect((await run("labels.nii")).labels).toBe(WITHOUT_SPECKS);
  });

  it("writes on the grid of the input, packed where the name says so", async () => {
    const { image } = await run("four.nii.gz", { out: at("plain.nii") });
    expect(image).toMatchObject({ size: SIZE, affineRas });
    expect((await readFile(at("plain.nii")))[0]).not.toBe(0x1f);
    expect((await readFile(at("out.nii.gz")))[0]).toBe(0x1f);
  });

  it("writes to no name of another format, and over none of its inputs", async () => {
    for (const out of ["a.dcm", "-", "labels", "a.nii.zip"]) {
      expect(await failure("four.nii.gz", { out }), out).toContain("InputMismatch: --out is no name of a NIfTI file");
    }
    await symlink(at("image.nii"), at("link.nii"));
    const before = await readFile(at("image.nii"));
    const refused = "InputMismatch: --out is an input or lies inside one, expected another file";
    expect(await failure("labels.nii", { out: at("labels.nii") })).toBe(refused);
    expect(await failure("four.nii.gz", { image: [at("image.nii")], out: at("image.nii") })).toBe(refused);
    expect(await failure("four.nii.gz", { image: [at("link.nii")], out: at("image.nii") })).toBe(refused);
    expect(await failure("four.nii.gz", { labels: at("labels.nii"), out: at("labels.nii") })).toBe(refused);
    expect(await failure("folder", { out: at("folder/3.nii") })).toBe(refused);
    expect(await readFile(at("image.nii"))).toEqual(before);
  });

  it("prints what each step changed, as a table or JSON", async () => {
    expect((await run("four.nii.gz")).text).toMatch(/1 {2}remove-small +2\n/);
    const { text } = await run("four.nii.gz", { json: true });
    expect(JSON.parse(text)).toEqual({ steps: [{ kind: "remove-small", changedVoxels: 2 }], voxels: { 1: 36 } });
  });

  it("starts from a given label map, and takes the steps of a manifest", async () => {
    await writeFile(at("none.nii"), writeNifti({ ...grid, data: new Uint8Array(VOXELS) }));
    expect((await run("four.nii.gz", { labels: at("none.nii") })).labels).toBe("0".repeat(VOXELS));
    await writeFile(at("manifest.json"), JSON.stringify({ id: "x", postprocess: [] }));
    expect((await run("four.nii.gz", { steps: at("manifest.json") })).labels).toBe(truth.join(""));
  });

  it("lets steps look at probabilities and at the image", async () => {
    const low = await stepsFile({ kind: "threshold", labels: [1], probability: 0.75 });
    expect((await run("four.nii.gz", { steps: low })).labels).not.toBe(truth.join(""));
    const bright = await stepsFile({ kind: "otsu", labels: [1], source: "image", classes: 2 });
    expect(await failure("four.nii.gz", { steps: bright })).toBe(
      "InputMismatch: step 1 (otsu) needs the image, expected it by --image",
    );
    expect((await run("four.nii.gz", { steps: bright, image: [at("image.nii")] })).labels).toBe(truth.join(""));
  });

  it("refuses labels that no map holds, two files of one label, and an image with voxels that are not finite", async () => {
    const probability = writeNifti({ ...grid, data: new Float32Array(VOXELS).fill(0.9) });
    const folderOf = async (name: string, files: string[]) => {
      await mkdir(at(name));
      for (const file of files) await writeFile(at(`${name}/${file}`), probability);
      return name;
    };
    expect(await failure(await folderOf("large", ["70000.nii"]))).toBe(
      "InputMismatch: the folder has a file of label 70000, expected 0 to 65535",
    );
    expect(await failure(await folderOf("twice", ["1.nii", "01.nii"]))).toBe(
      "InputMismatch: the folder has two files of label 1, expected one",
    );
    const holes = Float32Array.from(truth, (value, i) => (i === 3 ? Number.NaN : value));
    await writeFile(at("holes.nii"), writeNifti({ ...grid, data: holes }));
    expect(await failure("four.nii.gz", { image: [at("holes.nii")] })).toBe(
      "InputMismatch: --image holds voxels that are not finite numbers, expected finite voxels",
    );
  });

  it("takes a file for each channel of the image", async () => {
    const appearance = { weight: 30, widthMm: 3, width: 5 };
    const stepOf = (channels: number[]) => stepsFile({ kind: "dense-crf", appearance: { ...appearance, channels } });
    await writeFile(at("flat.nii"), writeNifti({ ...grid, data: new Float32Array(VOXELS).fill(7) }));
    const image = [at("flat.nii"), at("image.nii")];
    const first = await run("four.nii.gz", { steps: await stepOf([0]), image });
    const second = await run("four.nii.gz", { steps: await stepOf([1]), image });
    expect(second.labels).not.toBe(first.labels);
    const alone = { steps: await stepOf([1]), image: image.slice(1) };
    expect(await failure("four.nii.gz", alone)).toMatch(/InputMismatch: .* looks at channel 1, the image has 1/);
  });

  it("reads labels without background by the names of their channels, one label alone too", async () => {
    const [first, rest] = [new Float32Array(VOXELS).fill(0.7, 0, 5), new Float32Array(VOXELS).fill(0.2, 5, 7)];
    const data = Float32Array.from([...first, ...rest]);
    await writeFile(at("labels-only.nii"), writeNifti({ ...grid, data, channels: 2 }));
    const steps = await stepsFile();
    expect(await failure("labels-only.nii", { steps })).toMatch(/^InputMismatch: probabilities add to .*--channels/);
    const { labels } = await run("labels-only.nii", { channels: [4, 2], steps });
    expect(labels).toBe(`44444${"0".repeat(VOXELS - 5)}`);
    await writeFile(at("one-label.nii"), writeNifti({ ...grid, data: first }));
    expect((await run("one-label.nii", { channels: [3], steps })).labels).toBe(`33333${"0".repeat(VOXELS - 5)}`);
    const both = { channels: [1, 2], regions: [1, 2], steps };
    expect(await failure("labels-only.nii", both)).toBe(
      "InputMismatch: both --regions and --channels are given, expected one of them",
    );
  });

  it("reads regions that overlap only when told, the later over the earlier", async () => {
    const data = new Float32Array(2 * VOXELS).fill(0.9, 0, VOXELS + 5);
    await writeFile(at("regions.nii"), writeNifti({ ...grid, data, channels: 2 }));
    expect(await failure("regions.nii")).toMatch(/^InputMismatch: probabilities add to 1\.800 .*--regions/);
    const steps = await stepsFile();
    const { labels } = await run("regions.nii", { regions: [3, 1], steps });
    expect(labels).toBe(`11111${"3".repeat(VOXELS - 5)}`);
    expect(await failure("regions.nii", { regions: [1, 2, 3] })).toMatch(/2 channels, expected 3 as named/);
  });

  it("keeps the order of regions through steps that decide anew, and of files of a folder", async () => {
    const data = Float32Array.from({ length: 2 * VOXELS }, (_, i) => (i < VOXELS ? 0.9 : i < VOXELS + 5 ? 0.7 : 0.1));
    await writeFile(at("nested.nii"), writeNifti({ ...grid, data, channels: 2 }));
    await mkdir(at("nested"));
    await writeFile(at("nested/3.nii"), writeNifti({ ...grid, data: data.slice(0, VOXELS) }));
    await writeFile(at("nested/1.nii"), writeNifti({ ...grid, data: data.slice(VOXELS) }));
    const steps = await stepsFile({ kind: "threshold", labels: [1, 3], probability: 0.6, from: "probabilities" });
    for (const name of ["nested.nii", "nested"]) {
      for (const path of [steps, await stepsFile()]) {
        const { labels } = await run(name, { regions: [3, 1], steps: path });
        expect(labels).toBe(`11111${"3".repeat(VOXELS - 5)}`);
      }
    }
    expect(await failure("nested", { regions: [3, 2] })).toBe("InputMismatch: region 2 has no probabilities");
  });

  it.each([
    ["missing.nii", {}, /^StoreMissing: probabilities are not there/],
    ["case.npz", {}, /^InputMismatch: a \.npz file has no grid, expected --image or --labels/],
    ["folder/1.nii", {}, /^InputMismatch: the label map holds 0\.\d+, expected whole labels/],
  ])("says what is wrong with %s", async (path, flags, expected) => {
    expect(await failure(path, flags)).toMatch(expected);
  });

  it("says what is wrong with steps, by number and field", async () => {
    const withSteps = async (...steps: unknown[]) => failure("folder", { steps: await stepsFile(...steps) });
    expect(await withSteps({ kind: "sharpen" })).toMatch(/^ModelInvalid: step 1, field kind: /);
    expect(await withSteps({ kind: "fill-holes", labels: [1] }, { kind: "fill-holes", labels: [-4] })).toMatch(
      /^ModelInvalid: step 2, field labels\.0: /,
    );
    expect(await withSteps({ kind: "fill-holes", labels: [300] })).toBe(
      "InputMismatch: step 1 (fill-holes) names label 300, which the probabilities do not have",
    );
    await writeFile(at("broken.json"), "[");
    expect(await failure("folder", { steps: at("broken.json") })).toBe("ModelInvalid: the file of steps is not JSON");
    const score = await stepsFile({ kind: "hysteresis", labels: [1], low: 0.2, high: 0.4 });
    expect(await failure("labels.nii", { steps: score })).toMatch(/needs probabilities, got a label map/);
  });

  it("finds nothing to do for a label that a label map does not have", async () => {
    const absent = await stepsFile({ kind: "remove-small", labels: [9], minVoxels: 5 });
    expect((await run("labels.nii", { steps: absent })).labels).toBe(truth.join(""));
  });

  it("knows the labels that a map does not have by the manifest of the steps, or by the steps", async () => {
    const penalties = [[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]]; // biome-ignore format: a matrix
    const unary = { from: "labels", confidence: 0.99 };
    const crf = { kind: "dense-crf", unary, smoothness: { weight: 0.1, widthMm: 1 }, penalties };
    const labels = [1, 2, 3].map((value) => ({ value }));
    await writeFile(at("described.json"), JSON.stringify({ labels, postprocess: [crf] }));
    expect((await run("labels.nii", { steps: at("described.json") })).labels).toBe(truth.join(""));
    const named = await stepsFile(crf, { kind: "remove-small", labels: [3], minVoxels: 1 });
    expect((await run("labels.nii", { steps: named })).labels).toBe(truth.join(""));
    const steps = await stepsFile(crf);
    expect(await failure("labels.nii", { steps })).toMatch(/^ModelInvalid: .*4 rows of penalties for 2 labels/);
  });

  it("runs a CRF with a window, whose labels must exclude each other", async () => {
    const window = { kind: "conv-crf", radiusMm: 4, smoothness: { weight: 4, widthMm: 3 } };
    const steps = await stepsFile(window);
    const { labels } = await run("four.nii.gz", { steps });
    expect(labels).not.toBe(truth.join(""));
    expect(labels).toMatch(/^[012]{120}$/);
    expect(await failure("labels.nii", { steps })).toMatch(/^InputMismatch: step 1 \(conv-crf\) needs probabilities/);
    expect(await failure("regions.nii", { regions: [3, 1], steps })).toMatch(/^InferenceFailed: .*exclude each other/);
    expect(await failure("folder", { steps: await stepsFile({ ...window, radiusMm: -4 }) })).toMatch(
      /^ModelInvalid: step 1, field radiusMm: /,
    );
  });

  it("refuses probabilities that are none, and files of another grid", async () => {
    const bad = async (value: number, name: string) => {
      const data = Float32Array.of(...background, ...ones, ...twos);
      data[7] = value;
      await writeFile(at(name), writeNifti({ ...grid, data, channels: 3 }));
      return failure(name);
    };
    expect(await bad(Number.NaN, "nan.nii")).toMatch(/^InputMismatch: .* not finite numbers/);
    expect(await bad(4, "logits.nii")).toMatch(/probability of label 0 is 4, .*logits/);
    expect(await bad(0.5, "sum.nii")).toMatch(/probabilities add to \d\.\d+ in a voxel, expected 1/);
    const moved: Affine = [2, 0, 0, 40, 0, 2, 0, 3, 0, 0, 2.5, 1];
    await writeFile(at("moved.nii"), writeNifti({ ...grid, affineRas: moved, data: truth }));
    expect(await failure("four.nii.gz", { labels: at("moved.nii") })).toMatch(/the label map lies elsewhere in space/);
    await writeFile(at("small.nii"), writeNifti({ ...grid, size: [6, 5, 2], data: new Uint8Array(60) }));
    expect(await failure("four.nii.gz", { labels: at("small.nii") })).toMatch(
      /has 6 x 5 x 2 voxels, expected 6 x 5 x 4/,
    );
  });
});

describe("scanlane tune-thresholds", () => {
  it("writes the best thresholds of validation cases to the front of a manifest's steps", async () => {
    await mkdir(at("probs/a"), { recursive: true });
    await mkdir(at("truths"));
    const faint = Float32Array.from(truth, (value, i) => (value === 1 ? 0.35 : 0.1) + 0.0001 * i);
    await writeFile(at("probs/a/1.nii"), writeNifti({ ...grid, data: faint }));
    await writeFile(at("truths/a.nii"), writeNifti({ ...grid, data: truth }));
    const fill = { kind: "fill-holes", labels: [1] };
    await writeFile(at("tuned.json"), JSON.stringify({ id: "kept", postprocess: [fill] }));
    const flags = { probabilities: at("probs"), truth: at("truths"), label: 1, manifest: at("tuned.json") } as const;
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    await tuneThresholdsOf({ ...flags, rule: "threshold", scope: "volume" });
    expect(log.mock.calls.flat().join("\n")).toContain("mean Dice 1.0000 over 1 cases (at 0.5: 0.0000)");
    await tuneThresholdsOf({ ...flags, rule: "threshold", scope: "volume", thresholds: [0.3, 0.2], json: true });
    const manifest = JSON.parse(await readFile(at("tuned.json"), "utf8"));
    expect(manifest).toMatchObject({ id: "kept", postprocess: [{ kind: "threshold", probability: 0.2 }, fill] });
    expect(manifest.postprocess.length).toBe(2);
    await tuneThresholdsOf({ ...flags, rule: "triplet", scope: "slice", minVoxels: [3], json: true });
    const last: unknown = log.mock.calls.at(-1)?.[0];
    expect(JSON.parse(String(last))).toMatchObject({ meanDice: 1, cases: 1, step: { minVoxels: 3, scope: "slice" } });
    log.mockRestore();
  });

  it("reads probabilities without background as the workflow writes them, by the uploads' names too", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const scanId = `s-${"1".repeat(40)}`;
    for (const folder of ["own", "res/r-1", `res/index/${scanId}`]) await mkdir(at(folder), { recursive: true });
    const channels = Float32Array.of(...ones, ...twos);
    const file = gzipDeterministic(writeNifti({ ...grid, data: channels, channels: 2 }));
    await writeFile(at("own/a.nii.gz"), file);
    await writeFile(at("res/r-1/probabilities.nii.gz"), file);
    const ran = {
      schemaVersion: 1,
      scanId,
      attempt: 1,
      subject: "t0",
      source: "a.zip",
      status: "published",
      code: null,
    };
    const line = { ...ran, model: "m", volumesMl: {}, resultKey: "r-1/result.json" };
    await writeFile(at(`res/index/${scanId}/a1-t0.json`), JSON.stringify(line));
    await writeFile(at("res/index.jsonl"), `${JSON.stringify(line)}\n`);
    const flags = { truth: at("truths"), label: 2, rule: "threshold", scope: "volume", json: true } as const;
    const tuned = async (of: object) => {
      await tuneThresholdsOf({ ...flags, probabilities: at("own"), ...of });
      return JSON.parse(String(log.mock.calls.at(-1)?.[0])).meanDice;
    };
    expect(await tuned({ channels: [1, 2] })).toBe(1);
    expect(await tuned({ channels: [1, 2], probabilities: at("res") })).toBe(1);
    // Another model's, in whose result label 2 lies where label 1 is.
    const other = { ...line, scanId: `s-${"2".repeat(40)}`, model: "other", resultKey: "r-2/result.json" };
    for (const folder of ["res/r-2", `res/index/${other.scanId}`]) await mkdir(at(folder), { recursive: true });
    const swapped = writeNifti({ ...grid, data: Float32Array.of(...twos, ...ones), channels: 2 });
    await writeFile(at("res/r-2/probabilities.nii.gz"), gzipDeterministic(swapped));
    await writeFile(at(`res/index/${other.scanId}/a1-t0.json`), JSON.stringify(other));
    const results = { channels: [1, 2], probabilities: at("res") };
    await expect(tuned(results)).rejects.toThrow("by m and other, expected one: say which by --model");
    expect(await tuned({ ...results, model: "m" })).toBe(1);
    expect(await tuned({ ...results, model: "other" })).toBeLessThan(1);
    expect(await tuned({ regions: [2, 1] })).toBeLessThan(1);
    await expect(tuned({})).rejects.toThrow(/^case 1 \(a\): probabilities add to 0\.\d+ in a voxel, expected 1/);
    await expect(tuned({ channels: [1, 3] })).rejects.toThrow("no probabilities of label 2, but labels 1, 3");
    await expect(tuned({ channels: [1, 2], regions: [1, 2] })).rejects.toThrow("expected one of them");
    log.mockRestore();
  });

  it("replaces the step that decided for the label, and leaves a manifest in which another step does", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const flags = { probabilities: at("probs"), truth: at("truths"), label: 1, manifest: at("deciding.json") } as const;
    const tune = async (rule: "threshold" | "triplet", ...postprocess: unknown[]): Promise<string> => {
      await writeFile(flags.manifest, JSON.stringify({ postprocess }));
      const tuned = tuneThresholdsOf({ ...flags, rule, scope: "volume", thresholds: [0.2], minVoxels: [3] });
      const message = await tuned.then(
        () => "",
        (error: unknown) => String(error),
      );
      const steps: { kind: string }[] = JSON.parse(await readFile(flags.manifest, "utf8")).postprocess;
      return [...steps.map(({ kind }) => kind), message].join(" ").trim();
    };
    const threshold = { kind: "threshold", labels: [1], probability: 0.6, from: "probabilities" };
    const both = { ...threshold, labels: [1, 2] };
    const other = { ...threshold, labels: [2] };
    const fill = { kind: "fill-holes", labels: [1] };
    const crf = { kind: "dense-crf", smoothness: { weight: 1, widthMm: 1 } };
    const ofLabels = { ...crf, unary: { from: "labels", confidence: 0.9 } };
    expect(await tune("triplet", threshold, fill)).toBe("score-triplet fill-holes");
    expect(await tune("threshold", { kind: "hysteresis", labels: [1], low: 0.2, high: 0.4 })).toBe("threshold");
    expect(await tune("triplet", other)).toBe("score-triplet threshold");
    expect(await tune("threshold", ofLabels)).toBe("threshold dense-crf");
    const refused = "ModelInvalid: the manifest leaves no place for the tuned step:";
    expect(await tune("triplet", crf)).toBe(
      `dense-crf ${refused} dense-crf decides anew and undoes step 1 (score-triplet), expected one of them`,
    );
    expect(await tune("threshold", both)).toMatch(`threshold ${refused} threshold decides anew`);
    expect(
      log.mock.calls
        .flat()
        .join("\n")
        .match(/best of 1/g),
    ).toHaveLength(6);
    log.mockRestore();
  });

  it("says which case lacks what", async () => {
    await mkdir(at("lonely"));
    await writeFile(at("lonely/b.nii"), writeNifti({ ...grid, data: truth }));
    const flags = {
      probabilities: at("probs"),
      truth: at("lonely"),
      label: 1,
      rule: "threshold",
      scope: "volume",
    } as const;
    await expect(tuneThresholdsOf(flags)).rejects.toThrow("case 1 (b) has a truth but no probabilities");
    await expect(tuneThresholdsOf({ ...flags, truth: at("truths"), label: 2 })).rejects.toThrow(
      "case 1 (a) has no probabilities of label 2",
    );
  });
});
