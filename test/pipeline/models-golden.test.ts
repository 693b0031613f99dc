import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readNifti } from "#src/formats/nifti-read.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentInput } from "#src/inference/segment-input.js";
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
    expect(routes.filter((route) => !ids.includes(route.model))).toEqual([]);
  });

  for (const model of packages) {
    const { manifest, folder } = model;
    // A classical method has no weights to prove: its kernels have goldens of their own.
    if (isClassical(manifest)) continue;
    it(`gives the golden labels with ${manifest.id}`, async () => {
      const input = readNifti(await readFile(join(folder, manifest.golden.input)));
      const expected = readNifti(await readFile(join(folder, manifest.golden.labels)));
      const networks = [manifest.network, ...manifest.network.folds];
      const open = ortSessions("cpu");
      const sessions = await Promise.all(
        networks.map((one) => open({ ...manifest.network, ...one, bytes: () => library.network(model, one) })),
      );
      const prepared = toNetworkGrid([Float32Array.from(input.data)], input, manifest);
      const { labels } = await segmentInput(prepared.input, prepared.grid, manifest, sessions);
      for (const session of sessions) await session.close();

      const differing = [...labels].filter((label, i) => label !== expected.data[i]).length;
      // A golden without foreground would be met by a network that sees nothing.
      expect(expected.data.some((label) => label > 0)).toBe(true);
      expect(differing / labels.length).toBeLessThanOrEqual(manifest.golden.tolerance);
    });
  }
});
