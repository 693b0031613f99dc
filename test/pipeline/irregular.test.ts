import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import dicomParser from "dicom-parser";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { readReportVolumes } from "#src/formats/sr-read.js";
import { scanlane } from "../support/cli.js";
import { pointwiseNetwork } from "../support/onnx-file.js";
import { type PhantomSeries, phantomSeries, phantomValue } from "../support/phantom-series.js";
import { brightManifest, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

/** The structure is what lies above this plane of the phantom. */
const PLANE = 3000;
/** What lies below this lies where the slices are farther apart. */
const FAR = 2000;
const SIZE = [12, 10, 14] as const;
/** Steps of 3 mm, then of 4.4 mm. */
const depthMm = (k: number) => (k < 7 ? 3 * k : 18 + 4.4 * (k - 6));
/** Slices that also shift by 0.4 mm to the back for each one. */
const SHIFT_MM = 0.4;
const irregular: PhantomSeries = {
  size: SIZE,
  depthMm,
  edit: (elements, k) => {
    const [x, y = "0", z] = elements["00200032"]?.Value ?? [];
    elements["00200032"] = { vr: "DS", Value: [x, String(Number(y) + SHIFT_MM * k), z] };
    // 20 a millimetre to the front: the pixels show the phantom in their new place.
    const intercept = Number(elements["00281052"]?.Value?.[0]) - 20 * SHIFT_MM * k;
    elements["00281052"] = { vr: "DS", Value: [String(intercept)] };
  },
};

let models: string;
/** The same model, with a route that lets irregular series through. */
let lenient: string;
let upload: string;

beforeAll(async () => {
  const network = pointwiseNetwork(3, [0, 1], [0, -PLANE]);
  const manifest = { ...brightManifest(network), id: "upper3d" };
  const far = pointwiseNetwork(3, [0, -1], [0, FAR]);
  const packages = [
    { manifest, network },
    { manifest: { ...brightManifest(far), id: "far3d" }, network: far },
  ];
  const route = { format: "dicom", modality: "MR", model: "upper3d" };
  models = await modelsFolderWith(packages, [route]);
  lenient = await modelsFolderWith(packages, [{ ...route, irregular: "resample" }]);
  upload = join(await mkdtemp(join(tmpdir(), "irregular-")), "upload.zip");
  await writeFile(upload, await zipOf(phantomSeries(irregular)));
});

describe("a series with variable spacing and tilt", () => {
  it("is refused by default", async () => {
    const out = await mkdtemp(join(tmpdir(), "irregular-out-"));
    const { code, stdout } = await scanlane(["run", upload, "--models", models, "--out", out]);
    expect([code, stdout]).toEqual([65, expect.stringMatching(/is tilted/)]);
  });

  it("is carried through where asked for: labels on a regular grid, segments on the series' own slices", async () => {
    const out = await mkdtemp(join(tmpdir(), "irregular-out-"));
    const run = await scanlane(["run", upload, "--models", models, "--out", out, "--irregular", "resample", "--json"]);
    expect(run.code).toBe(3);
    const [outcome] = JSON.parse(run.stdout).outcomes;
    expect(outcome.result.warnings).toContainEqual(expect.objectContaining({ code: "SeriesResampled" }));
    const labels = readNifti(await readFile(join(outcome.folder, "labels.nii.gz")));
    expect(labels.size).toEqual([12, 15, 17]);

    const seg = dicomParser.parseDicom(await readFile(join(outcome.folder, "seg.dcm")));
    expect(Number(seg.string("x00280008"))).toBe(SIZE[2]);
    const pixels = seg.elements.x7fe00010;
    if (pixels === undefined) throw new Error("no pixels");
    const frames = (seg.elements.x52009230?.items ?? []).map((item) =>
      item.dataSet?.elements.x00209113?.items?.[0]?.dataSet?.string("x00200032")?.split("\\").map(Number),
    );
    let [far, wrong] = [0, 0];
    for (let bit = 0; bit < SIZE[0] * SIZE[1] * SIZE[2]; bit++) {
      const k = Math.floor(bit / (SIZE[0] * SIZE[1]));
      const [x = 0, y = 0, z = 0] = frames[k] ?? [];
      expect([y, z]).toEqual([expect.closeTo(7 + SHIFT_MM * k, 5), expect.closeTo(31 + depthMm(k), 5)]);
      const value = phantomValue([
        -(x + 0.75 * (bit % SIZE[0])),
        -(y + 1.25 * (Math.floor(bit / SIZE[0]) % SIZE[1])),
        z,
      ]);
      // Half a voxel of the grid along each axis, and the rounding of the stored values.
      const bound = 0.5 * (10 * 0.75 + 20 * 1.25 + 30 * 3.1) + 1;
      const isSet = ((seg.byteArray[pixels.dataOffset + (bit >> 3)] ?? 0) >> (bit & 7)) & 1;
      if (Math.abs(value - PLANE) <= bound) continue;
      far++;
      if (isSet !== (value > PLANE ? 1 : 0)) wrong++;
    }
    expect(wrong).toBe(0);
    expect(far).toBeGreaterThan(1000);
  });

  it("has the same volume in the structured report as in the result, where its slices are farther apart too", async () => {
    const out = await mkdtemp(join(tmpdir(), "irregular-out-"));
    const args = ["--models", models, "--model", "far3d", "--out", out, "--irregular", "resample", "--json"];
    const { stdout } = await scanlane(["run", upload, ...args]);
    const [outcome] = JSON.parse(stdout).outcomes;
    const [{ volumeMl }] = outcome.result.structures;
    expect(volumeMl).toBeGreaterThan(0);
    const volumes = readReportVolumes(await readFile(join(outcome.folder, "sr.dcm")));
    // The result says it to a thousandth of a millilitre.
    expect([...volumes]).toEqual([[1, expect.closeTo(volumeMl * 1000, 0)]]);
  });

  it("is carried through where its route says so, to the same result, and refused where the run says no", async () => {
    const out = () => mkdtemp(join(tmpdir(), "irregular-out-"));
    const asked = ["run", upload, "--models", models, "--out", await out(), "--irregular", "resample", "--json"];
    const routed = ["run", upload, "--models", lenient, "--out", await out(), "--json"];
    const refused = [...routed.slice(0, 5), await out(), "--irregular", "reject", "--json"];
    const [one, two, three] = await Promise.all([asked, routed, refused].map((args) => scanlane(args)));
    const identity = (run: typeof one) => JSON.parse(run?.stdout ?? "").outcomes[0].result.identity;
    expect(identity(two)).toBe(identity(one));
    expect(three?.code).toBe(65);
  });
});
