import { describe, expect, it } from "vitest";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import type { Grid } from "#src/imaging/volume.js";
import { modelSessions } from "#src/inference/model-sessions.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentImage } from "#src/inference/segment-image.js";
import { SessionPool } from "#src/inference/session-pool.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { folderModels } from "#src/model/model-library.js";
import { pointwiseNetwork } from "../../support/onnx-file.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../../support/tiny-models.js";

const size: Size3 = [12, 10, 8];
/** x runs to the left, 1 x 2 x 3 mm. */
const affineRas: Affine = [-1, 0, 0, 5, 0, 2, 0, 0, 0, 0, 3, 0];
const grid: Grid = { size, affineRas, spacingMm: [1, 2, 3] };
const at = (x: number, y: number, z: number) => x + size[0] * (y + size[1] * z);

/** Bright (150) at two places: two voxels in the middle, and a corner far from them. */
function twoPlaces(): Float32Array {
  const image = new Float32Array(size[0] * size[1] * size[2]);
  image[at(5, 4, 3)] = 250;
  image[at(6, 4, 3)] = 150;
  image[at(11, 9, 7)] = 150;
  return image;
}

const bright = brightNetwork();
/** Bright only above 200: sees the first of the two voxels in the middle. */
const brighter = pointwiseNetwork(3, [0, 1], [0, -200]);
/** Reads the image and the labels of a stage before: whatever is above 100 where that stage saw nothing. */
const after = pointwiseNetwork(3, [0, 0, 1, -1000], [0, -100], 2);

const nuclei = { ...brightManifest(brighter), id: "brighter" };
const asking = (id: string, changes: Partial<ModelManifest>) => ({ ...brightManifest(bright), id, ...changes });
const region = { model: "brighter", labels: [1], marginMm: 0 };

async function run(id: string, image: Float32Array, more: readonly { manifest: ModelManifest; network: Uint8Array }[]) {
  const library = folderModels(await modelsFolderWith([{ manifest: nuclei, network: brighter }, ...more]));
  const pool = new SessionPool(ortSessions("cpu"));
  try {
    const options = { sessionsOf: modelSessions(pool, library), wanted: [1] };
    return await segmentImage({ grid, channels: [image] }, await library.open(id), options);
  } finally {
    await pool.close();
  }
}

const labelled = (labels: ArrayLike<number>) => Array.from(labels).flatMap((label, i) => (label === 0 ? [] : [i]));

describe("segmentImage", () => {
  it("feeds the labels of a previous stage to a cascade", async () => {
    const manifest = asking("second", {
      ...brightManifest(after),
      id: "second",
      previous: { model: "brighter", labels: [1] },
    });
    const { labels } = await run("second", twoPlaces(), [{ manifest, network: after }]);
    expect(labelled(labels)).toEqual([at(6, 4, 3), at(11, 9, 7)]);
  });

  it.each([
    [0, []],
    [1, [[6, 4, 3]]],
    // 4.5 mm are 5 voxels along x, 3 along y, 2 along z; 15 mm reach the corner.
    [4.5, [[6, 4, 3]]],
    [
      15,
      [
        [6, 4, 3],
        [11, 9, 7],
      ],
    ],
  ] as const)("works inside the region alone, with a margin of %d mm", async (marginMm, others) => {
    const manifest = asking("fine", { region: { ...region, marginMm } });
    const { labels, probabilities } = await run("fine", twoPlaces(), [{ manifest, network: bright }]);
    expect(labelled(labels)).toEqual([at(5, 4, 3), ...others.map(([x, y, z]) => at(x, y, z))]);
    const { start, size: length } = probabilities?.box ?? { start: [0, 0, 0], size: [0, 0, 0] };
    const inside = at(5 - start[0], 0, 0) + length[0] * (4 - start[1] + length[1] * (3 - start[2]));
    expect(probabilities?.byLabel.get(1)?.[inside]).toBeGreaterThan(0.99);
  });

  it("cuts the region by whole voxels of each axis, rounded up", async () => {
    // 2 mm: 2 voxels along x, 1 along y and 1 along z.
    const image = twoPlaces();
    const near = [at(3, 4, 3), at(5, 3, 3), at(5, 4, 2)];
    const far = [at(2, 4, 3), at(5, 2, 3), at(5, 4, 1)];
    for (const i of [...near, ...far]) image[i] = 150;
    const manifest = asking("fine", { region: { ...region, marginMm: 2 } });
    const { labels } = await run("fine", image, [{ manifest, network: bright }]);
    expect(labelled(labels)).toEqual([...near, at(5, 4, 3), at(6, 4, 3)].sort((a, b) => a - b));
  });

  it("gives background alone, and no probabilities, where the region is empty", async () => {
    const image = twoPlaces();
    image[at(5, 4, 3)] = 150;
    const manifest = asking("fine", { region });
    const { labels, probabilities } = await run("fine", image, [{ manifest, network: bright }]);
    expect(labels).toEqual(new Uint8Array(image.length));
    expect(probabilities).toBeNull();
  });

  it("looks for the region, then for the previous stage inside it", async () => {
    const manifest: ModelManifest = {
      ...brightManifest(after),
      id: "both",
      region: { ...region, marginMm: 1 },
      previous: { model: "brighter", labels: [1] },
    };
    const { labels } = await run("both", twoPlaces(), [{ manifest, network: after }]);
    expect(labelled(labels)).toEqual([at(6, 4, 3)]);
  });

  it("refuses a margin in millimetres for an image without spacing", async () => {
    const library = folderModels(
      await modelsFolderWith([
        { manifest: nuclei, network: brighter },
        { manifest: asking("fine", { region: { ...region, marginMm: 1 } }), network: bright },
      ]),
    );
    const pool = new SessionPool(ortSessions("cpu"));
    const image = { grid: { ...grid, spacingMm: null }, channels: [twoPlaces()] };
    const found = segmentImage(image, await library.open("fine"), { sessionsOf: modelSessions(pool, library) });
    await expect(found).rejects.toMatchObject({
      code: "InputMismatch",
      message: "image has no voxel spacing, the region's margin is in millimetres",
    });
    await pool.close();
  });
});
