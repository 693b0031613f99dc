import { describe, expect, it } from "vitest";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import type { Grid } from "#src/imaging/volume.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { largestDifference, readGolden } from "../../goldens/golden.js";
import { brightManifest, brightNetwork } from "../../support/tiny-models.js";

interface Prepared {
  readonly size: Size3;
  readonly spacing: Vec3;
  readonly newSpacing: Vec3;
  readonly axes: readonly ["x" | "y" | "z", "x" | "y" | "z", "x" | "y" | "z"];
  readonly labels: number;
  readonly image: string;
  readonly previous: string;
  readonly channelSize: Size3;
  readonly channels: string;
  readonly oneHot: string;
}
const { prepared } = readGolden<{ readonly prepared: readonly Prepared[] }>("nnunet-cascade");
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const floatsOf = (text: string) => new Float32Array(bytesOf(text).buffer);

describe("toNetworkGrid with a previous stage", () => {
  for (const one of prepared) {
    const source: Grid = {
      size: one.size,
      affineRas: [one.spacing[0], 0, 0, 0, 0, one.spacing[1], 0, 0, 0, 0, one.spacing[2], 0],
      spacingMm: one.spacing,
    };
    const manifest = brightManifest(brightNetwork(), {
      channels: [{ name: "MRI", modalities: [], normalisation: { kind: "zscore", mask: "foreground" } }],
      orientation: "source",
      axes: [...one.axes],
      spacingMm: [...one.newSpacing],
      crop: "nonzero",
      resampling: { imageOrder: 3, logitsOrder: 1, separateZ: "auto", grid: "extents", of: "logits" },
      previous: { model: "lowres", labels: Array.from({ length: one.labels }, (_, n) => n + 1) },
    });
    it(`gives what nnU-Net feeds to its second stage: ${one.size.join(" x ")}, axes ${one.axes.join("")}`, () => {
      const { input } = toNetworkGrid([floatsOf(one.image)], source, manifest, bytesOf(one.previous));
      expect(input.size).toEqual(one.channelSize);
      const [image, ...stage] = input.channels;
      expect(largestDifference(image ?? [], floatsOf(one.channels))).toBeLessThan(1e-5);
      const found = stage.flatMap((channel) => [...channel]);
      const expected = bytesOf(one.oneHot);
      expect(found.length).toBe(expected.length);
      expect(found.findIndex((value, i) => value !== expected[i])).toBe(-1);
    });

    it(`has one channel for each label that the manifest names, in its order: ${one.size.join(" x ")}`, () => {
      const all = toNetworkGrid([floatsOf(one.image)], source, manifest, bytesOf(one.previous)).input.channels;
      const last = { ...manifest, previous: { model: "lowres", labels: [2, 1] } };
      const some = toNetworkGrid([floatsOf(one.image)], source, last, bytesOf(one.previous)).input.channels;
      expect(some).toEqual([all[0], all[2], all[1]]);
    });
  }

  it("refuses another number of channels than the model has", () => {
    const grid: Grid = { size: [1, 1, 1], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], spacingMm: [1, 1, 1] };
    const model = brightManifest(brightNetwork());
    const two = [new Float32Array(1), new Float32Array(1)];
    expect(() => toNetworkGrid(two, grid, model)).toThrow(
      expect.objectContaining({ code: "InputMismatch", message: "image has 2 channels, bright3d expects 1" }),
    );
  });
});
