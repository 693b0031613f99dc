import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { caseNameOf } from "#src/cli/case-name.js";
import { type EvaluateFlags, evaluate, evaluateFolders } from "#src/cli/evaluate.js";
import { scoredLabel } from "#src/cli/option-values.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { writePngLabels } from "#src/formats/png-labels.js";
import { writeSeg } from "#src/formats/seg-write.js";
import type { Size3 } from "#src/imaging/affine.js";
import { phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { segOptions } from "../../support/seg-phantom.js";

const SIZE: Size3 = [8, 6, 4];

let root = "";
let stdout = "";
let stderr = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "evaluate-"));
  for (const folder of ["truth", "pred", "other"]) mkdirSync(join(root, folder));
  stdout = "";
  stderr = "";
  vi.spyOn(console, "log").mockImplementation((text: unknown) => {
    stdout += `${text}\n`;
  });
  vi.spyOn(console, "error").mockImplementation((text: unknown) => {
    stderr += `${text}\n`;
  });
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += text;
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

/** A block of a label from `start` on along x, three voxels long. */
function block(start: number, label = 1): Uint8Array {
  const data = new Uint8Array(SIZE[0] * SIZE[1] * SIZE[2]);
  for (let z = 1; z < 3; z++) {
    for (let y = 1; y < 5; y++) data.fill(label, start + 8 * (y + 6 * z), start + 3 + 8 * (y + 6 * z));
  }
  return data;
}

function put(folder: string, name: string, data: Uint8Array, spacing = 1): void {
  const affineRas = [spacing, 0, 0, 0, 0, spacing, 0, 0, 0, 0, spacing, 0] as const;
  const file = writeNifti({ size: SIZE, affineRas, spacingMm: [spacing, spacing, spacing], data });
  writeFileSync(join(root, folder, name), file);
}

function flagsWith(flags: Partial<EvaluateFlags>): EvaluateFlags {
  return {
    truth: join(root, "truth"),
    pred: join(root, "pred"),
    tolerance: { value: 1, unit: null },
    lesionConnectivity: "26",
    lesionOverlap: 0,
    bothEmpty: "skip",
    oneEmpty: "skip",
    resamples: 200,
    seed: 1,
    ...flags,
  };
}

const run = (flags: Partial<EvaluateFlags> = {}): Promise<number> => evaluate(flagsWith(flags));

async function json(flags: Partial<EvaluateFlags> = {}) {
  stdout = "";
  await run({ ...flags, json: true });
  return JSON.parse(stdout);
}

function threeCases(): void {
  for (const [n, name] of ["a", "b", "c"].entries()) {
    put("truth", `${name}.nii`, block(1));
    put("pred", `${name}.nii`, block(1 + (n % 2)));
    put("other", `${name}.nii`, block(3));
  }
}

describe("caseNameOf", () => {
  it.each([
    ["case1.nii.gz", "case1"],
    ["case1.seg.nii.gz", "case1"],
    ["case1.seg.nrrd", "case1"],
    ["case1.SEG.NII", "case1"],
    ["case1.tar.gz", "case1"],
    ["case1.tgz", "case1"],
    ["1.2.840.seg.dcm", "1.2.840"],
    ["1.2.840", "1.2.840"],
    ["case1.seg", "case1.seg"],
    ["case1seg.nii.gz", "case1seg"],
    ["a.seg.b.nii.gz", "a.seg.b"],
    ["seg.nii.gz", "seg"],
  ])("calls %s %s", (file, name) => {
    expect(caseNameOf(file)).toBe(name);
  });
});

describe("evaluate", () => {
  it("ends with the case that it scores when it is interrupted", async () => {
    for (const folder of ["truth", "pred"]) put(folder, "a.nii", block(2));
    const signal = AbortSignal.abort(new Error("stopped"));
    await expect(evaluateFolders(flagsWith({}), signal)).rejects.toThrow("stopped");
  });

  it("writes JSON, CSV and a page of all cases", async () => {
    threeCases();
    expect(await run({ out: join(root, "out") })).toBe(0);
    const document = JSON.parse(readFileSync(join(root, "out", "evaluation.json"), "utf8"));
    expect(document).toMatchObject({ schemaVersion: 1, labels: [{ name: "1", values: [1] }], warnings: [] });
    expect(document.cases.map((row: { dice: number }) => row.dice)).toEqual([1, 2 / 3, 1]);
    const dice = document.summary.find((item: { metric: string }) => item.metric === "dice");
    expect(dice).toMatchObject({ cases: 3, median: 1, min: 2 / 3 });
    expect(dice.mean).toBeCloseTo(8 / 9, 12);
    expect(document.meanOfLabels.dice).toBe(dice.mean);
    const csv = readFileSync(join(root, "out", "evaluation.csv"), "utf8")
      .trimEnd()
      .split("\n");
    expect(csv).toHaveLength(4);
    expect(csv[0]).toMatch(/^case,label,empty,dice,iou,/);
    expect(csv[2]).toMatch(/^b,1,none,0\.66/);
    const page = readFileSync(join(root, "out", "evaluation.html"), "utf8");
    expect(page).toContain("<h1>Evaluation of 3 cases, 1 label</h1>");
    // The worst case comes first, and every case is a dot of every plot.
    expect(page.indexOf('<th scope="row">b</th>')).toBeLessThan(page.indexOf('<th scope="row">a</th>'));
    expect(page.match(/<circle/g)).toHaveLength(15);
    expect(page).not.toMatch(/<script|https?:/);
  });

  it("prints a table, or a row a case and label", async () => {
    threeCases();
    await run();
    expect(stdout).toMatch(/1 +Dice +0\.889/);
    stdout = "";
    await run({ csv: true });
    expect(stdout.split("\n")[1]).toMatch(/^a,1,none,1,1,/);
  });

  it("escapes names in the page and quotes them in the CSV", async () => {
    put("truth", 'x<b>,"y".nii', block(1));
    put("pred", 'x<b>,"y".nii', block(1));
    await run({ out: join(root, "out") });
    expect(readFileSync(join(root, "out", "evaluation.html"), "utf8")).not.toContain("<b>");
    expect(readFileSync(join(root, "out", "evaluation.csv"), "utf8")).toContain('"x<b>,""y"""');
  });

  it("compares with other predictions, pair by pair", async () => {
    threeCases();
    const { comparison } = await json({ against: join(root, "other") });
    const of = (metric: string) => comparison.find((item: { metric: string }) => item.metric === metric);
    // Dice 1, 2/3, 1 against 1/3 each: three of three better, p = 2 / 2^3.
    expect(of("dice")).toMatchObject({ pairs: 3, better: 3, worse: 0, p: 0.25 });
    expect(of("dice").meanDifference).toBeCloseTo(5 / 9, 12);
    expect(of("hd")).toMatchObject({ better: 3, worse: 0 });
    expect(of("hd").meanDifference).toBeLessThan(0);
    expect(of("volumeTruth")).toBeUndefined();
    stdout = "";
    await run({ against: join(root, "other"), html: join(root, "page.html") });
    expect(stdout).toContain("Wilcoxon");
    expect(readFileSync(join(root, "page.html"), "utf8")).toContain("Against the other predictions");
  });

  it("takes one file and another, whatever their names are, but no file beside a folder", async () => {
    put("truth", "reference.nii", block(1));
    put("pred", "mine.nii", block(1));
    const pair = { truth: join(root, "truth", "reference.nii"), pred: join(root, "pred", "mine.nii") };
    const { cases, summary } = await json(pair);
    expect(cases).toMatchObject([{ case: "reference", label: "1" }]);
    expect(summary[0]).toMatchObject({ mean: 1 });
    await expect(run({ ...pair, pred: join(root, "pred") })).rejects.toThrow(
      "the reference is a file and the predictions a folder, expected two folders or two files",
    );
  });

  it("pairs label maps that are called segmentations with those that are not", async () => {
    put("truth", "case1.seg.nii", block(1));
    put("pred", "case1.nii", block(1));
    expect((await json()).cases).toMatchObject([{ case: "case1", dice: 1 }]);
  });

  describe("of a folder of results", () => {
    const line = (source: string, scan: number, model: string, subject = "t0") => ({
      schemaVersion: 1,
      scanId: `s-${String(scan).padStart(40, "0")}`,
      attempt: 1,
      subject,
      source,
      status: "published",
      code: null,
      model,
      volumesMl: {},
      resultKey: `r-${scan}${subject}/result.json`,
    });
    function results(...lines: ReturnType<typeof line>[]): void {
      for (const record of lines) {
        const folder = record.resultKey.split("/")[0] ?? "";
        mkdirSync(join(root, "out", folder), { recursive: true });
        mkdirSync(join(root, "out", "index", record.scanId), { recursive: true });
        const key = join(root, "out", "index", record.scanId, `a1-${record.subject}.json`);
        writeFileSync(key, JSON.stringify(record));
        put(join("out", folder), "labels.nii.gz", block(record.model === "liver" ? 1 : 2));
      }
      writeFileSync(join(root, "out", "index.jsonl"), "");
    }

    it("pairs references with uploads by their names, of the model that is asked for", async () => {
      for (const name of ["a", "b.1"]) put("truth", `${name}.nii`, block(1));
      results(
        line("a.zip", 1, "liver"),
        line("b.1", 2, "liver"),
        line("a.zip", 3, "other"),
        line("", 4, "liver"),
        line("c.nii", 5, "liver"),
      );
      const pred = join(root, "out");
      const { cases } = await json({ pred, model: "liver" });
      expect(cases.map((one: { case: string; dice: number }) => [one.case, one.dice])).toEqual([
        ["a", 1],
        ["b.1", 1],
      ]);
      expect(stderr).toContain("1 of the predictions have no reference and were left out (c)");
      await expect(run({ pred })).rejects.toThrow(
        "case 1 (a): results hold 2 of a.zip, by liver and other, expected one: say which by --model",
      );
      await expect(run({ pred, model: "none" })).rejects.toThrow("holds no result of model none");
    });

    it("does not guess which of several images of an upload is meant", async () => {
      put("truth", "a.nii", block(1));
      results(line("a.zip", 1, "liver"), line("a.zip", 1, "liver", "t1"));
      await expect(run({ pred: join(root, "out") })).rejects.toThrow(
        "case 1 (a): results hold 2 of a.zip (several images, or uploads of one name), expected one: name files by --labels-to",
      );
    });
  });

  describe("where values are no labels", () => {
    it("refuses masks of 0 and 255 against labels, with what to do", async () => {
      put("truth", "a.nii", block(1, 255));
      put("pred", "a.nii", block(1));
      await expect(run()).rejects.toThrow(
        "references hold value 255 and predictions value 1, expected a value in common; where several values are one label, name it: --labels name=1,255",
      );
      const labels = scoredLabel("nuclei=1+");
      expect((await json({ labels })).summary[0]).toMatchObject({ label: "nuclei", mean: 1 });
      expect(stderr).toBe("");
    });

    it("refuses numbered objects against labels, with what to do", async () => {
      const objects = block(1);
      for (let n = 0; n < 12; n++) objects[n] = n + 2;
      put(
        "truth",
        "a.nii",
        objects.map((value) => (value === 1 ? 14 : value)),
      );
      put("pred", "a.nii", block(1));
      await expect(run()).rejects.toThrow(
        "references hold values 2, 3, 4, 5, 6 and 8 more and predictions value 1, expected a value in common; where several values are one label, name it: --labels name=1+ (1 and above)",
      );
    });

    it("scores a prediction that holds other labels alone 0, and warns", async () => {
      put("truth", "a.nii", block(1));
      put("pred", "a.nii", block(1, 2));
      expect((await json()).cases).toMatchObject([
        { label: "1", dice: 0 },
        { label: "2", dice: 0 },
      ]);
      expect(stderr).toContain(
        "references hold value 1 and predictions value 2, none in common: every label scores 0; where several values are one label, name it: --labels name=1,2",
      );
    });

    it("warns of numbered objects", async () => {
      const objects = block(1);
      objects.fill(7, 0, 100);
      put("truth", "a.nii", objects);
      put("pred", "a.nii", block(1));
      expect(await run()).toBe(3);
      expect(stderr).toContain("value 7 of the references occur in no prediction; where several values are one label");
    });

    it("takes every value from a number on for one label", () => {
      expect(scoredLabel("lesions=2,5+")).toEqual([{ name: "lesions", values: [2], from: 5 }]);
      for (const wrong of ["a=+", "a=1+,2", "a=0+", "a=1++"])
        expect(() => scoredLabel(wrong), wrong).toThrow("expected");
    });
  });

  it("reads pictures, and measures them in pixels", async () => {
    for (const folder of ["truth", "pred"]) {
      writeFileSync(join(root, folder, "cell.png"), writePngLabels(block(folder === "pred" ? 2 : 1), [8, 24, 1]));
    }
    const { settings, cases } = await json();
    expect(settings.unit).toBe("px");
    expect(cases[0]).toMatchObject({ volumeTruth: 24, hd: 1 });
    await expect(run({ tolerance: { value: 2, unit: "mm" } })).rejects.toThrow(
      "case 1 (cell) does not say how large a voxel is, while the tolerance is in mm",
    );
  });

  it("reads DICOM segmentations, on the grid of a NIfTI beside them or on their own", async () => {
    const options = await segOptions(uploadOf(phantomSeries({ plane: "axial", size: [9, 8, 5] })));
    const seg = writeSeg({ ...options, kind: "labelmap" });
    writeFileSync(join(root, "pred", "a.dcm"), seg);
    writeFileSync(join(root, "truth", "a.nii"), writeNifti({ ...options.labels }));
    const beside = await json();
    expect(beside.cases.map((row: { label: string; dice: number }) => [row.label, row.dice])).toEqual([
      ["1", 1],
      ["7", 1],
    ]);
    mkdirSync(join(root, "segs"));
    writeFileSync(join(root, "segs", "a.dcm"), seg);
    const alone = await json({ truth: join(root, "segs") });
    expect(alone.cases[0]).toMatchObject({ dice: 1, volumeTruth: beside.cases[0].volumeTruth });
  });

  describe("options that change the result:", () => {
    it("--tolerance", async () => {
      threeCases();
      const strict = await json({ tolerance: { value: 0.5, unit: "mm" } });
      const loose = await json({ tolerance: { value: 1, unit: "mm" } });
      expect(strict.cases[1].surfaceDiceMonai).toBeLessThan(1);
      expect(loose.cases[1].surfaceDiceMonai).toBe(1);
    });

    it("--labels, and warnings of what is of none of them", async () => {
      put("truth", "a.nii", block(1));
      put("pred", "a.nii", block(1, 7));
      const region = { labels: [{ name: "any", values: [1, 7] }] };
      expect((await json(region)).cases[0]).toMatchObject({ label: "any", dice: 1 });
      expect(await run({ labels: [{ name: "one", values: [1] }] })).toBe(3);
      expect(stderr).toContain("case 1 (a): the prediction has 24 voxels of 7, which is of no label asked for");
      stderr = "";
      const both = block(1, 7);
      both[9] = 1;
      put("pred", "a.nii", both);
      put(
        "truth",
        "a.nii",
        both.map((value) => (value === 1 ? 1 : 0)),
      );
      expect(await run()).toBe(3);
      expect(stderr).toContain("label 7 occurs in predictions and in no reference");
    });

    it("--both-empty and --one-empty", async () => {
      threeCases();
      put("truth", "d.nii", new Uint8Array(192));
      put("pred", "d.nii", new Uint8Array(192));
      put("truth", "e.nii", block(1));
      put("pred", "e.nii", new Uint8Array(192));
      const of = (document: { summary: { metric: string }[] }, metric: string) =>
        document.summary.find((item) => item.metric === metric);
      const skipped = await json();
      expect(of(skipped, "dice")).toMatchObject({ cases: 4, skipped: { both: 1, prediction: 0 } });
      expect(of(skipped, "hd")).toMatchObject({ cases: 3, skipped: { both: 1, prediction: 1 } });
      expect(skipped.cases[3]).toMatchObject({ empty: "both", dice: null });
      const counted = await json({ bothEmpty: "perfect", oneEmpty: "diagonal" });
      expect(of(counted, "dice")).toMatchObject({ cases: 5 });
      expect(of(counted, "hd")).toMatchObject({ cases: 5, max: Math.hypot(8, 6, 4) });
    });

    it("--lesion-connectivity and --lesion-overlap", async () => {
      const corner = block(1);
      corner[4 + 8 * (5 + 6 * 3)] = 1;
      put("truth", "a.nii", corner);
      put("pred", "a.nii", block(3));
      expect((await json()).cases[0]).toMatchObject({ lesionsTruth: 1, lesionsFound: 1 });
      expect((await json({ lesionConnectivity: "6" })).cases[0]).toMatchObject({ lesionsTruth: 2, lesionsMissed: 1 });
      expect((await json({ lesionOverlap: 0.5 })).cases[0]).toMatchObject({ lesionsFound: 0, lesionsFalse: 1 });
    });

    it("--seed and --resamples", async () => {
      threeCases();
      put("truth", "d.nii", block(1));
      put("pred", "d.nii", block(4));
      const interval = async (flags: Partial<EvaluateFlags>) =>
        (await json(flags)).summary.find((item: { metric: string }) => item.metric === "accuracy").interval;
      const first = await interval({});
      expect(await interval({})).toEqual(first);
      const others = [await interval({ seed: 2 }), await interval({ resamples: 37 })];
      expect(others.some((other) => other.join() !== first.join())).toBe(true);
    });
  });

  describe("refuses", () => {
    it("a case without a prediction, and tells of predictions without a reference", async () => {
      threeCases();
      put("pred", "z.nii", block(1));
      expect(await run()).toBe(3);
      expect(stderr).toContain("1 of the predictions have no reference and were left out");
      put("truth", "d.nii", block(1));
      await expect(run()).rejects.toThrow("case 4 (d) has a reference and is not among the predictions");
    });

    it("maps of another grid, by the number of the case", async () => {
      threeCases();
      put("pred", "b.nii", block(1), 1.5);
      await expect(run()).rejects.toMatchObject({
        code: "InputMismatch",
        message:
          "case 2 (b): the reference has spacing 1 x 1 x 1 mm, the prediction 1.5 x 1.5 x 1.5 mm, expected the same",
      });
    });

    it("what is no label map, folders that are not there or empty, two maps of one name", async () => {
      await expect(run()).rejects.toMatchObject({ code: "NoImage" });
      await expect(run({ truth: join(root, "none") })).rejects.toMatchObject({ code: "StoreMissing" });
      threeCases();
      const half = Float32Array.from(block(1), (value) => value / 2);
      const affineRas = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
      const file = writeNifti({ size: SIZE, affineRas, spacingMm: [1, 1, 1], data: half });
      writeFileSync(join(root, "pred", "a.nii"), file);
      await expect(run()).rejects.toThrow("the prediction of case 1 (a) holds other values than whole labels");
      writeFileSync(join(root, "pred", "a.nii"), "no image");
      await expect(run()).rejects.toThrow("the prediction of case 1 (a) is of no format of label maps");
      put("truth", "a.nii.gz", block(1));
      await expect(run()).rejects.toThrow("holds two label maps of case a, expected one");
    });

    it("maps without a label", async () => {
      put("truth", "a.nii", new Uint8Array(192));
      put("pred", "a.nii", new Uint8Array(192));
      await expect(run()).rejects.toThrow("no label occurs");
    });
  });
});
