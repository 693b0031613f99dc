import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { scanlane } from "../support/cli.js";
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

describe("scanlane run on an image that does not say its spacing", () => {
  it.each([["NIfTI", "image.nii", nifti]] as const)(
    "publishes labels and probabilities in their place, and no millimetres: %s",
    async (_, name, bytes) => {
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
    },
  );
});
