import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { niftiChannel, readNifti } from "#src/formats/nifti-read.js";
import { modelSessions } from "#src/inference/model-sessions.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentImage } from "#src/inference/segment-image.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { isClassical } from "#src/model/classical-manifest.js";
import { folderModels } from "#src/model/model-library.js";

const library = folderModels(fileURLToPath(new URL("../../models", import.meta.url)));
const packages = await library.list();

describe("models/", () => {
  it("holds the two first models", () => {
    expect(packages.map(({ manifest }) => manifest.id)).toEqual(
      expect.arrayContaining(["brain-mask-unet2d", "hippocampus-unet3d"]),
    );
  });

  it("routes only to models that are there", async () => {
    const ids = packages.map(({ manifest }) => manifest.id);
    const { routes } = await library.routes();
    expect(routes.filter(({ model }) => model !== null && !ids.includes(model))).toEqual([]);
  });

  for (const model of packages) {
    const { manifest, folder } = model;
    // A classical method has no weights to prove: its kernels have goldens of their own.
    if (isClassical(manifest)) continue;
    it(`gives the golden labels with ${manifest.id}`, async () => {
      const input = readNifti(await readFile(join(folder, manifest.golden.input)));
      const expected = readNifti(await readFile(join(folder, manifest.golden.labels)));
      const pool = new SessionPool(ortSessions("cpu"));
      const channels = manifest.channels.map((_, n) => Float32Array.from(niftiChannel(input, n).data));
      const sessionsOf = modelSessions(pool, library);
      const { labels } = await segmentImage({ grid: input, channels }, model, { sessionsOf });
      await pool.close();

      const differing = [...labels].filter((label, i) => label !== expected.data[i]).length;
      // A golden without foreground would be met by a network that sees nothing.
      expect(expected.data.some((label) => label > 0)).toBe(true);
      expect(differing / labels.length).toBeLessThanOrEqual(manifest.golden.tolerance);
    });
  }
});
