import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "#src/core/ids.js";
import { readStl } from "#src/formats/mesh-read.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { readRtStructGeometry } from "#src/formats/rtstruct-read.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import { readSegFrames } from "#src/formats/seg-read-frames.js";
import { readReportVolumes } from "#src/formats/sr-read.js";
import { type Affine, applyAffine, type Size3 } from "#src/imaging/affine.js";
import { labelMoments } from "#src/imaging/label-moments.js";
import { meshMoments } from "#src/imaging/label-surface.js";
import { DenseCrfStep } from "#src/model/dense-crf-step.js";
import { folderStore } from "#src/storage/folder-store.js";
import { digestsBelow, scanlane } from "../support/cli.js";
import { pointwiseNetwork } from "../support/onnx-file.js";
import { phantomSeries, phantomValue } from "../support/phantom-series.js";
import { recordedKey } from "../support/recorded-key.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

/** Oblique, anisotropic, with a flipped axis. */
const affineRas: Affine = [-0.8, 0.6, 0, 30, 0.6, 0.8, 0, -20, 0, 0, 2.5, 10];
const size: Size3 = [20, 24, 18];
/** The phantom series are cut by the plane on which they have this value; what lies above it is the structure. */
const PLANE = 3000;
/** A bright block: value 150 in x 3-8, y 4-11, z 5-7. */
const inBlock = (x: number, y: number, z: number) => x >= 3 && x <= 8 && y >= 4 && y <= 11 && z >= 5 && z <= 7;

let models: string;
let folder: string;
let volume: string;

beforeAll(async () => {
  const network = brightNetwork();
  const manifest = brightManifest(network);
  const largest = {
    kind: "largest-component" as const,
    labels: [1],
    connectivity: 26 as const,
    scope: "union" as const,
    ties: "all" as const,
  };
  const crf = DenseCrfStep.parse({
    kind: "dense-crf",
    smoothness: { weight: 20, widthMm: 1.5 },
    appearance: { weight: 5, widthMm: 6, widthSd: 0.5 },
  });
  const upper = pointwiseNetwork(3, [0, 1], [0, -PLANE]);
  models = await modelsFolderWith(
    [
      { manifest, network },
      { manifest: { ...manifest, id: "bright3d-largest", postprocess: [largest] }, network },
      { manifest: { ...manifest, id: "bright3d-crf", postprocess: [crf] }, network },
      { manifest: { ...brightManifest(upper), id: "upper3d" }, network: upper },
      {
        manifest: {
          ...manifest,
          id: "ct-only",
          channels: [{ name: "ct", modalities: ["CT"], normalisation: { kind: "none" } }],
        },
        network,
      },
    ],
    [{ format: "dicom", modality: "MR", model: "upper3d" }],
  );
  folder = await mkdtemp(join(tmpdir(), "pipeline-"));
  const data = new Int16Array(size[0] * size[1] * size[2]);
  for (let i = 0; i < data.length; i++) {
    const [x, y, z] = [i % 20, Math.floor(i / 20) % 24, Math.floor(i / 480)];
    data[i] = inBlock(x, y, z) || (x === 15 && y === 20 && z === 12) ? 150 : 10;
  }
  volume = join(folder, "Doe^John.nii");
  await writeFile(volume, writeNifti({ size, affineRas, spacingMm: [1, 1, 2.5], data }));
}, 60_000);

async function run(path: string, ...more: string[]) {
  const out = await mkdtemp(join(tmpdir(), "pipeline-out-"));
  const result = await scanlane(["run", path, "--models", models, "--out", out, "--json", ...more]);
  return { out, code: result.code, json: JSON.parse(result.stdout || "null"), stderr: result.stderr };
}

describe("scanlane run", () => {
  it("labels a NIfTI volume on its own grid, voxel for voxel", async () => {
    const { code, json, out } = await run(volume, "--model", "bright3d");
    expect(code).toBe(0);
    const [outcome] = json.outcomes;
    expect(outcome.result.structures).toMatchObject([{ name: "bright", voxels: 6 * 8 * 3 + 1, volumeMl: 0.363 }]);
    const labels = readNifti(await readFile(join(outcome.folder, "labels.nii.gz")));
    const wrong = [...labels.data].filter((label, i) => {
      const [x, y, z] = [i % 20, Math.floor(i / 20) % 24, Math.floor(i / 480)];
      return label !== (inBlock(x, y, z) || (x === 15 && y === 20 && z === 12) ? 1 : 0);
    });
    expect(wrong).toEqual([]);
    for (const corner of [
      [0, 0, 0],
      [19, 23, 17],
    ] as const) {
      const [found, expected] = [applyAffine(labels.affineRas, corner), applyAffine(affineRas, corner)];
      expect(Math.max(...found.map((mm, axis) => Math.abs(mm - (expected[axis] ?? 0))))).toBeLessThan(1e-4);
    }
    const table = await readFile(join(out, "results.csv"), "utf8");
    expect(table).toContain("Doe^John.nii");
    expect(table.split("\r\n")).toHaveLength(3);
  });

  it("takes several uploads in one command: a document each, one that fails does not stop the next", async () => {
    const out = await mkdtemp(join(tmpdir(), "pipeline-out-"));
    const [again, garbage] = [join(folder, "again.nii"), join(folder, "garbage.nii.gz")];
    const changed = readNifti(await readFile(volume));
    (changed.data as Int16Array)[0] = 11;
    await writeFile(again, writeNifti({ ...changed, data: changed.data as Int16Array }));
    await writeFile(garbage, "no image at all");
    const missing = join(folder, "missing.nii.gz");
    const options = ["--model", "bright3d", "--models", models, "--out", out, "--json"];
    const { code, stdout, stderr } = await scanlane(["run", volume, missing, garbage, again, ...options]);
    const documents = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(documents).toMatchObject([
      { outcomes: [{ kind: "published" }] },
      { scanId: null, error: { code: "StoreMissing" } },
      { outcomes: [{ kind: "quarantined", record: { code: "InputUnreadable" } }] },
      { outcomes: [{ kind: "published" }] },
    ]);
    // The highest: both that failed are at fault themselves.
    expect(code).toBe(65);
    expect(stderr).toContain("StoreMissing");
  });

  it("takes a folder that its results lie in for the same scan again", async () => {
    const root = await mkdtemp(join(tmpdir(), "pipeline-here-"));
    await writeFile(join(root, "a.nii"), await readFile(volume));
    const out = join(root, "scanlane-out");
    const args = ["run", root, "--out", out, "--models", models, "--model", "bright3d", "--json"];
    const [first, again] = [await scanlane(args), await scanlane(args)];
    expect([first.code, again.code], again.stderr).toEqual([0, 0]);
    expect(JSON.parse(again.stdout)).toEqual(JSON.parse(first.stdout));
  });

  it("tells of several uploads one after the other, though the next is begun before the first has ended", async () => {
    const out = await mkdtemp(join(tmpdir(), "pipeline-out-"));
    const copies = await Promise.all(
      [1, 2, 3].map(async (value) => {
        const changed = readNifti(await readFile(volume));
        (changed.data as Int16Array)[0] = value;
        const path = join(folder, `copy-${value}.nii`);
        await writeFile(path, writeNifti({ ...changed, data: changed.data as Int16Array }));
        return path;
      }),
    );
    const { code, stderr, stdout } = await scanlane([
      "run",
      ...copies,
      "--model",
      "bright3d",
      "--models",
      models,
      "--out",
      out,
    ]);
    expect(code, stderr).toBe(0);
    const states = ["Inspect", "Preprocess", "Segment", "Postprocess", "Publish"];
    const told = stderr
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/:? /)[0]);
    expect(told).toEqual([1, 2, 3].flatMap((value) => [`copy-${value}.nii`, ...states]));
    const named = stdout.split("\n").filter((line) => line.startsWith("copy-"));
    expect(named.map((line) => line.slice(0, 6))).toEqual(["copy-1", "copy-2", "copy-3"]);
  });

  it("makes a result once of two uploads of the same images that are begun beside each other", async () => {
    const out = await mkdtemp(join(tmpdir(), "pipeline-out-"));
    const folders = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), "series-"))));
    for (const { name, bytes } of phantomSeries({ size: [64, 64, 24] })) {
      for (const path of folders) await writeFile(join(path, name), bytes);
    }
    // Another upload, of the same instances.
    await writeFile(join(folders[1] ?? "", "notes.txt"), "nothing");
    const options = ["--models", models, "--out", out, "--json", "--outputs", "rtstruct", "probabilities", "glb"];
    const { stdout } = await scanlane(["run", ...folders, ...options]);
    const documents = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(new Set(documents.map(({ scanId }) => scanId)).size).toBe(2);
    const [identity, ...others] = documents.map(({ outcomes: [{ result }] }) => result.identity);
    expect(others).toEqual([identity]);
    // Written by both, it would not be what the first of them recorded: times differ.
    const done = JSON.parse(await readFile(join(out, ".work", identity, "publish", "done.json"), "utf8"));
    for (const { key, sha256: expected } of done.outputs) {
      expect(sha256(await readFile(join(out, key))), key).toBe(expected);
    }
  });

  it("refuses what is predicted to need more memory than it may have, before anything starts", async () => {
    const { code, json } = await run(volume, "--model", "bright3d", "--memory", "60");
    expect(json.outcomes[0]).toMatchObject({
      kind: "quarantined",
      record: { step: "inspect", code: "MemoryInsufficient", message: expect.stringMatching(/need \d+ MiB.* are 60$/) },
    });
    expect(code).toBe(78);
  });

  it("records the memory that was predicted beside what was measured", async () => {
    const { json } = await run(volume, "--model", "bright3d-largest");
    const { stages } = json.outcomes[0].run;
    for (const { stage, used } of stages) {
      expect(used.predicted.memoryMiB, stage).toBeGreaterThan(50);
      expect(used.predicted.isAtMost, stage).toBe(stage === "postprocess" ? true : undefined);
      expect(used.peakMiB, stage).toBeGreaterThan(50);
    }
  });

  it("sets a scan aside whose device is not there, and never runs it on another one", async () => {
    // This machine's runtime has the CPU's provider alone.
    const { code, json } = await run(volume, "--model", "bright3d", "--provider", "tensorrt");
    expect(json.outcomes[0]).toMatchObject({ kind: "quarantined", record: { code: "DeviceUnavailable" } });
    expect(code).toBe(78);
  });

  it("applies the model's steps, leaves them out on request, and calls that another result", async () => {
    const [with_, without] = await Promise.all([
      run(volume, "--model", "bright3d-largest"),
      run(volume, "--model", "bright3d-largest", "--no-refine"),
    ]);
    expect(with_.json.outcomes[0].result.structures[0].voxels).toBe(6 * 8 * 3);
    expect(without.json.outcomes[0].result.structures[0].voxels).toBe(6 * 8 * 3 + 1);
    expect(with_.json.outcomes[0].result.identity).not.toBe(without.json.outcomes[0].result.identity);
  });

  it("hands probabilities to a dense CRF, which takes a lone voxel for noise and keeps the block", async () => {
    const { json } = await run(volume, "--model", "bright3d-crf");
    const [outcome] = json.outcomes;
    const labels = readNifti(await readFile(join(outcome.folder, "labels.nii.gz"))).data;
    expect(labels[15 + 20 * (20 + 24 * 12)]).toBe(0);
    expect(labels[5 + 20 * (7 + 24 * 6)]).toBe(1);
    expect(outcome.result.structures[0].voxels).toBeGreaterThan(100);
  });

  it("keeps a SEG as a label map on request, and calls that another result; a NIfTI source is not touched by it", async () => {
    const path = join(folder, "seg-kind.zip");
    await writeFile(path, await zipOf(phantomSeries({ size: [16, 14, 12] })));
    const [binary, labelmap, nifti, niftiToo] = await Promise.all([
      run(path),
      run(path, "--seg", "labelmap"),
      run(volume, "--model", "bright3d"),
      run(volume, "--model", "bright3d", "--seg", "labelmap"),
    ]);
    const seg = (result: typeof binary) => readFile(join(result.json.outcomes[0].folder, "seg.dcm"));
    const [one, other] = [await seg(binary), await seg(labelmap)];
    expect([one.includes("BINARY"), one.includes("LABELMAP")]).toEqual([true, false]);
    expect([other.includes("BINARY"), other.includes("LABELMAP")]).toEqual([false, true]);
    expect(readSegGeometry(other).map(({ voxels }) => voxels)).toEqual(
      readSegGeometry(one).map(({ voxels }) => voxels),
    );
    const identity = (result: typeof binary) => result.json.outcomes[0].result.identity;
    expect(identity(labelmap)).not.toBe(identity(binary));
    expect(identity(niftiToo)).toBe(identity(nifti));
  });

  it("adds an RT Structure Set and a report of volumes on request, where and as large as the labels are", async () => {
    const path = join(folder, "outlines.zip");
    await writeFile(path, await zipOf(phantomSeries({ plane: "oblique", size: [16, 14, 12] })));
    const { json } = await run(path, "--outputs", "rtstruct", "sr");
    const [outcome] = json.outcomes;
    const [structure] = outcome.result.structures;
    const [roi] = readRtStructGeometry(await readFile(join(outcome.folder, "rtstruct.dcm")), 3);
    const distance = structure.centroidRasMm.map((mm: number, axis: number) => mm - (roi?.centroidRasMm?.[axis] ?? 0));
    expect(Math.hypot(...distance)).toBeLessThan(0.01);
    expect((roi?.volumeMm3 ?? 0) / 1000).toBeCloseTo(structure.volumeMl, 2);
    const volumes = readReportVolumes(await readFile(join(outcome.folder, "sr.dcm")));
    expect((volumes.get(1) ?? 0) / 1000).toBeCloseTo(structure.volumeMl, 3);
    const names = outcome.result.files.map((file: { name: string }) => file.name);
    expect(names).toEqual(expect.arrayContaining(["rtstruct.dcm", "sr.dcm"]));
    const refused = await scanlane(["run", path, "--models", models, "--seg", "labelmap", "--outputs", "sr"]);
    expect(refused.stderr).toContain("option --outputs: a structured report names the segments of a binary");
  });

  it("writes a report of volumes with a binary SEG, and not where nothing more is wanted", async () => {
    const path = join(folder, "reported.zip");
    await writeFile(path, await zipOf(phantomSeries({ plane: "oblique", size: [16, 14, 12] })));
    const namesOf = async (...flags: string[]) => {
      const { json } = await run(path, ...flags);
      return json.outcomes[0].result.files.map((file: { name: string }) => file.name);
    };
    expect(await namesOf()).toContain("sr.dcm");
    expect(await namesOf("--outputs", "none")).not.toContain("sr.dcm");
    expect(await namesOf("--seg", "labelmap")).not.toContain("sr.dcm");
  });

  it("writes probabilities as NIfTI and as a fractional SEG, each where the network gave them", async () => {
    const path = join(folder, "probable.zip");
    await writeFile(path, await zipOf(phantomSeries({ plane: "oblique", size: [16, 14, 12] })));
    const { json } = await run(path, "--seg", "fractional", "--outputs", "probabilities");
    const [outcome] = json.outcomes;
    const labels = readNifti(await readFile(join(outcome.folder, "labels.nii.gz")));
    const probabilities = readNifti(await readFile(join(outcome.folder, "probabilities.nii.gz")));
    expect(probabilities.size).toEqual(labels.size);
    expect(probabilities.channels).toBe(1);
    const isAbove = Array.from(probabilities.data, (p) => (p > 0.5 ? 1 : 0));
    expect(isAbove).toEqual([...labels.data]);
    expect(isAbove.filter((one) => one === 1).length).toBeGreaterThan(0);
    const seg = readSegFrames(await readFile(join(outcome.folder, "seg.dcm")));
    expect(seg.kind).toBe("FRACTIONAL");
    let above = 0;
    for (const frame of seg.frames)
      frame.visit((value) => {
        if (value >= 128) above++;
      });
    expect(above).toBe(isAbove.filter((one) => one === 1).length);
  });

  it("writes closed surfaces, of a NIfTI file too", async () => {
    const { json } = await run(volume, "--model", "bright3d", "--outputs", "glb", "stl");
    const [outcome] = json.outcomes;
    const names = outcome.result.files.map((file: { name: string }) => file.name);
    expect(names).toEqual(expect.arrayContaining(["surfaces.glb", "surface-1.stl"]));
    const surface = readStl(await readFile(join(outcome.folder, "surface-1.stl")));
    const triangles = Uint32Array.from({ length: surface.length / 3 }, (_, i) => i);
    const { centroidRas } = meshMoments({ positionsRas: surface, triangles });
    const { centroidRasMm } = outcome.result.structures[0];
    expect(Math.hypot(...centroidRas.map((mm, axis) => mm - centroidRasMm[axis]))).toBeLessThan(0.5);
  });

  it("says what cannot be made of a source", async () => {
    const { json } = await run(volume, "--model", "bright3d", "--outputs", "rtstruct");
    const [outcome] = json.outcomes;
    expect(outcome.result.warnings).toContainEqual({
      code: "OutputSkipped",
      message: "rtstruct cannot be made of a source in nifti",
    });
  });

  for (const plane of ["axial", "sagittal", "coronal", "oblique"] as const) {
    it(`puts a ${plane} DICOM series' structure where it lies in the patient, in NIfTI and SEG alike`, async () => {
      const files = phantomSeries({ plane, size: [16, 14, 12] });
      const path = join(folder, `${plane}.zip`);
      await writeFile(path, await zipOf(files));
      const { code, json } = await run(path);
      expect([0, 3]).toContain(code);
      const [outcome] = json.outcomes;
      const labels = readNifti(await readFile(join(outcome.folder, "labels.nii.gz")));
      const image = (i: number) => {
        const [nx, ny] = labels.size;
        return phantomValue(
          applyAffine(labels.affineRas, [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))]),
        );
      };
      // Stored values are rounded by up to half a slope: nearer to the plane than that, either label is right.
      const sure = [...labels.data.keys()].filter((i) => Math.abs(image(i) - PLANE) > 1);
      expect(sure.filter((i) => labels.data[i] !== (image(i) > PLANE ? 1 : 0))).toEqual([]);
      expect(sure.filter((i) => labels.data[i] === 1).length).toBeGreaterThan(5);
      expect(sure.filter((i) => labels.data[i] === 0).length).toBeGreaterThan(5);

      const [segment] = readSegGeometry(await readFile(join(outcome.folder, "seg.dcm")));
      const bytes = labels.data instanceof Uint8Array ? labels.data : new Uint8Array();
      const [moments] = labelMoments(bytes, labels.size, labels.affineRas, 1);
      expect(segment?.voxels).toBe(moments?.voxels);
      const [a, b] = [segment?.centroidRasMm ?? [], moments?.centroidRas ?? [Number.NaN]];
      expect(Math.max(...a.map((mm, axis) => Math.abs(mm - (b[axis] ?? Number.NaN))))).toBeLessThan(0.01);
    });
  }

  it("makes a task of each series of an upload", async () => {
    const path = join(folder, "two");
    await mkdir(path);
    const second = phantomSeries({
      plane: "sagittal",
      edit: (elements) => {
        elements["0020000E"] = { vr: "UI", Value: ["1.2.3.99"] };
      },
    });
    for (const { name, bytes } of phantomSeries({})) await writeFile(join(path, `a-${name}`), bytes);
    for (const { name, bytes } of second) await writeFile(join(path, `b-${name}`), bytes);
    const { json } = await run(path);
    expect(json.outcomes.map((outcome: { kind: string }) => outcome.kind)).toEqual(["published", "published"]);
    expect(new Set(json.outcomes.map((outcome: { folder: string }) => outcome.folder)).size).toBe(2);
  });

  it("warns, by exit code too, when the model was trained on another modality", async () => {
    const path = join(folder, "mr.zip");
    await writeFile(path, await zipOf(phantomSeries({})));
    const { code, json } = await run(path, "--model", "ct-only");
    expect(code).toBe(3);
    const codes = json.outcomes[0].result.warnings.map((warning: { code: string }) => warning.code);
    expect(codes).toContain("ModalityUnexpected");
  });

  it("never publishes an empty mask in silence", async () => {
    const dark = join(folder, "dark.nii");
    const data = Int16Array.from({ length: 512 }, (_, i) => i % 7);
    await writeFile(
      dark,
      writeNifti({ size: [8, 8, 8], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1], data }),
    );
    const { code, json } = await run(dark, "--model", "bright3d");
    expect(code).toBe(3);
    expect(json.outcomes[0].result.warnings).toMatchObject([
      { code: "EmptyMask", message: "Bright is nowhere in the result" },
    ]);
  });

  it("does nothing again when it is run again, and leaves the source alone", async () => {
    const before = await readFile(volume);
    const { out, json } = await run(volume, "--model", "bright3d");
    const first = await digestsBelow(out, /^$/);
    const again = await scanlane(["run", volume, "--models", models, "--out", out, "--json", "--model", "bright3d"]);
    expect(again.code).toBe(0);
    // Also run.json and report.html, which would differ had any stage run again.
    expect(await digestsBelow(out, /^$/)).toEqual(first);
    expect(JSON.parse(again.stdout).outcomes[0].result).toEqual(json.outcomes[0].result);
    expect(await readFile(volume)).toEqual(before);
  });

  it("makes a damaged intermediate file again", async () => {
    const { out, json } = await run(volume, "--model", "bright3d");
    const { identity } = json.outcomes[0].result;
    const work = folderStore(join(out, ".work"));
    const labels = join(out, ".work", await recordedKey(work, { identity }, "segment", "labels.nii.gz"));
    const whole = await readFile(labels);
    await writeFile(labels, whole.subarray(0, whole.length - 9));
    const again = await scanlane(["run", volume, "--models", models, "--out", out, "--json", "--model", "bright3d"]);
    expect(again.code).toBe(0);
    expect(await readFile(labels)).toEqual(whole);
  });

  it("leaves nothing in the home folder, as the network runtime does when it reports its use", async () => {
    const home = await mkdtemp(join(tmpdir(), "home-"));
    const out = await mkdtemp(join(tmpdir(), "pipeline-out-"));
    const before = process.env.HOME;
    process.env.HOME = home;
    const { code } = await scanlane(["run", volume, "--models", models, "--out", out, "--model", "bright3d"]);
    process.env.HOME = before;
    expect(code).toBe(0);
    expect(await readdir(home, { recursive: true })).toEqual([]);
  });

  it("prints progress and a table for people", async () => {
    const out = await mkdtemp(join(tmpdir(), "pipeline-out-"));
    const { stdout, stderr } = await scanlane(["run", volume, "--models", models, "--out", out, "--model", "bright3d"]);
    for (const state of ["Inspect", "Preprocess", "Segment", "Postprocess", "Publish"]) expect(stderr).toContain(state);
    expect(stdout).toMatch(/Bright\s+145\s+0\.36/);
    expect(stdout).toContain("Research use only");
  });
});

describe("the command line", () => {
  it("answers a wrong command with its own exit code", async () => {
    expect((await scanlane(["run"])).code).toBe(64);
    expect((await scanlane(["segment", "x"])).code).toBe(64);
    expect((await scanlane(["--version"])).code).toBe(0);
  });

  it("lists the models", async () => {
    const { stdout, code } = await scanlane(["models", "--models", models]);
    expect(code).toBe(0);
    expect(stdout).toContain("bright3d-largest");
    const json = JSON.parse((await scanlane(["models", "--models", models, "--json"])).stdout);
    expect(json.map((model: { id: string }) => model.id)).toEqual([
      "bright3d",
      "bright3d-crf",
      "bright3d-largest",
      "ct-only",
      "upper3d",
    ]);
  });
});
