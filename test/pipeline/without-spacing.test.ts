import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { scanlane } from "../support/cli.js";
import { buildDicom } from "../support/dicom-builder.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

const [WIDTH, HEIGHT] = [40, 36];
/** A bright bar far from every edge, not symmetric in any direction. */
const isBright = (i: number) => {
  const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
  return x >= 20 && x <= 26 && y >= 18 && y <= 20;
};
const pixels = new Uint8Array(WIDTH * HEIGHT).map((_, i) => (isBright(i) ? 150 : 10));

let models: string;

beforeAll(async () => {
  const network = brightNetwork(2);
  const base = brightManifest(network);
  const manifest = brightManifest(network, {
    id: "bright2d",
    channels: [{ name: "any", modalities: [], normalisation: { kind: "none" } }],
    network: { ...base.network, dimensions: 2 },
    tiles: { ...base.tiles, patchVox: [16, 16, 1] },
  });
  models = await modelsFolderWith([{ manifest, network }]);
});

const nifti = writeNifti({
  ...{ size: [WIDTH, HEIGHT, 1], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: null, data: pixels },
});

const nrrd = Buffer.concat([
  Buffer.from(`NRRD0004\ntype: uint8\ndimension: 2\nsizes: ${WIDTH} ${HEIGHT}\nencoding: raw\n\n`),
  pixels,
]);
const metaImage = Buffer.concat([
  Buffer.from(`ObjectType = Image\nNDims = 3\nDimSize = ${WIDTH} ${HEIGHT} 1\n`),
  Buffer.from("ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"),
  pixels,
]);
/** A screenshot: it lies nowhere. */
const secondaryCapture = buildDicom({
  "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.7"] },
  "00080018": { vr: "UI", Value: ["1.2.826.0.1.3680043.10.1.1"] },
  "00080060": { vr: "CS", Value: ["OT"] },
  "0020000D": { vr: "UI", Value: ["1.2.826.0.1.3680043.10"] },
  "0020000E": { vr: "UI", Value: ["1.2.826.0.1.3680043.10.1"] },
  "00280002": { vr: "US", Value: [1] },
  "00280004": { vr: "CS", Value: ["MONOCHROME2"] },
  "00280010": { vr: "US", Value: [HEIGHT] },
  "00280011": { vr: "US", Value: [WIDTH] },
  "00280100": { vr: "US", Value: [8] },
  "00280101": { vr: "US", Value: [8] },
  "00280102": { vr: "US", Value: [7] },
  "00280103": { vr: "US", Value: [0] },
  "7FE00010": { vr: "OB", Value: [pixels.slice().buffer] },
});

describe("scanlane run on an image that does not say its spacing", () => {
  it.each([
    ["NIfTI", "image.nii", nifti],
    ["NRRD", "image.nrrd", nrrd],
    ["MetaImage", "image.mha", metaImage],
    ["DICOM secondary capture", "image.dcm", secondaryCapture],
  ] as const)("publishes labels and probabilities in their place, and no millimetres: %s", async (_, name, bytes) => {
    const file = join(await mkdtemp(join(tmpdir(), "no-spacing-")), name);
    await writeFile(file, bytes);
    const out = await mkdtemp(join(tmpdir(), "no-spacing-out-"));
    const asked = ["--models", models, "--model", "bright2d", "--out", out, "--outputs", "probabilities", "--json"];
    const { code, stdout } = await scanlane(["run", file, ...asked]);
    expect(code).toBe(3);
    const { result, folder } = JSON.parse(stdout).outcomes[0];
    expect(result.warnings).toContainEqual(expect.objectContaining({ code: "SpacingUnknown" }));
    expect(result.structures).toMatchObject([{ voxels: 7 * 3, volumeMl: null, centroidRasMm: null }]);
    for (const written of ["labels.nii.gz", "probabilities.nii.gz"]) {
      const { data, spacingMm } = readNifti(await readFile(join(folder, written)));
      expect(spacingMm).toBeNull();
      const wrong = [...pixels.keys()].filter((i) => Math.round(data[i] ?? 0) !== (isBright(i) ? 1 : 0));
      expect(wrong).toEqual([]);
    }
  });
});
