import { describe, expect, it } from "vitest";
import { writeNifti } from "#src/formats/nifti-write.js";
import type { Affine } from "#src/imaging/affine.js";
import type { Grid } from "#src/imaging/volume.js";
import type { ClassicalManifest } from "#src/model/classical-manifest.js";
import { outputsFor, skippedOutputs } from "#src/stages/outputs/outputs-for.js";
import { assertMapsPossible, uncertaintyScores } from "#src/stages/outputs/uncertainty-output.js";
import { proveUncertainty } from "#src/stages/proof/prove-nifti.js";
import { RunRequest } from "#src/workflow/contract.js";
import { ensembleOf } from "../../../support/tiny-ensemble.js";
import { brightManifest, brightNetwork } from "../../../support/tiny-models.js";

const one = brightManifest(brightNetwork());
const classical = { ...one, id: "clusters", classical: { kind: "k-means" } } as unknown as ClassicalManifest;

describe("assertMapsPossible", () => {
  it("refuses the disagreement of a single answer", () => {
    expect(() => assertMapsPossible(one, ["disagreement", "sr"])).toThrow(
      "disagreement was asked for, but bright3d is one network without mirroring, expected at least two answers (folds, members of an ensemble, or mirror axes)",
    );
  });

  it("takes it where there are several, and uncertainty of any network", () => {
    const folds = [{ file: "b.onnx", sha256: "0".repeat(64) }];
    for (const manifest of [
      { ...one, mirrorAxes: ["x" as const] },
      { ...one, network: { ...one.network, folds } },
      ensembleOf([
        [one, 1],
        [{ ...one, id: "other" }, 1],
      ]),
    ]) {
      expect(() => assertMapsPossible(manifest, ["uncertainty", "disagreement"])).not.toThrow();
    }
    expect(() => assertMapsPossible(one, ["uncertainty"])).not.toThrow();
  });

  it("refuses both of a method without a network, which may give what else is asked for", () => {
    const message = "clusters is a classical method (k-means), expected a network";
    expect(() => assertMapsPossible(classical, ["uncertainty"])).toThrow(`uncertainty was asked for, but ${message}`);
    expect(() => assertMapsPossible(classical, ["disagreement"])).toThrow(`disagreement was asked for, but ${message}`);
    expect(() => assertMapsPossible(classical, ["probabilities"])).not.toThrow();
  });
});

describe("outputsFor maps of uncertainty", () => {
  it("takes them for pictures, volumes and DICOM alike", () => {
    const request = RunRequest.parse({ outputs: ["uncertainty", "disagreement", "probabilities"] });
    expect(outputsFor("png", request)).toEqual(["disagreement", "uncertainty"]);
    expect(skippedOutputs("png", request).map(({ message }) => message)).toEqual([
      "probabilities cannot be made of a source in png",
    ]);
    for (const format of ["nifti", "dicom"] as const) expect(outputsFor(format, request)).toHaveLength(3);
  });
});

describe("uncertaintyScores", () => {
  it("is the mean over a structure's voxels and the share of them above the mark, null of none", () => {
    const labels = Uint8Array.of(0, 1, 1, 1, 3, 3);
    const scores = uncertaintyScores(
      [
        { map: "uncertainty", values: [1, 0.5, 0.75, 1, 0, 0.25] },
        { map: "disagreement", values: [1, 0, 0.05, 0.2, 0.3, 0.1] },
      ],
      labels,
      3,
    );
    expect(scores[1]).toEqual({
      uncertainty: { mean: 0.75, share: 0.6667, above: 0.5 },
      disagreement: { mean: 0.0833, share: 0.3333, above: 0.1 },
    });
    expect(scores[2]).toEqual({ uncertainty: null, disagreement: null });
    expect(scores[3]).toEqual({
      uncertainty: { mean: 0.125, share: 0, above: 0.5 },
      disagreement: { mean: 0.2, share: 0.5, above: 0.1 },
    });
  });

  it("says nothing where nothing was asked for", () => {
    expect(uncertaintyScores([], Uint8Array.of(0, 1), 1)).toEqual([{}, {}]);
  });
});

describe("proveUncertainty", () => {
  const affineRas: Affine = [-1, 0, 0, 5, 0, 2, 0, 0, 0, 0, 3, 0];
  const grid: Grid = { size: [2, 2, 1], affineRas, spacingMm: [1, 2, 3] };
  const fileOf = (values: readonly number[], on: Grid = grid) => writeNifti({ ...on, data: Float32Array.from(values) });

  it("takes a map on the label map's grid, and reads it back as it was", () => {
    const found = proveUncertainty(fileOf([0, 0.25, 0.5, 1]), grid, "uncertainty");
    expect(Array.from(found)).toEqual([0, 0.25, 0.5, 1]);
  });

  it("takes no values outside 0 to 1, and none that are not numbers", () => {
    const message = "map of uncertainty has 2 voxels outside 0 to 1, expected none";
    expect(() => proveUncertainty(fileOf([0, -0.01, 1.01, 1]), grid, "uncertainty")).toThrow(message);
    expect(() => proveUncertainty(fileOf([Number.NaN, 0, 0, Number.NaN]), grid, "uncertainty")).toThrow(
      /^map of uncertainty: 2 of 4 voxels/,
    );
  });

  it("takes no other place and no other size; of a grid without spacing the size alone counts", () => {
    const values = [0, 0, 0, 0];
    const moved: Grid = { ...grid, affineRas: [-1, 0, 0, 6, 0, 2, 0, 0, 0, 0, 3, 0] };
    expect(() => proveUncertainty(fileOf(values, moved), grid, "disagreement")).toThrow(
      "a corner of the written map of disagreement lies 1.000 mm off",
    );
    const picture: Grid = { ...grid, spacingMm: null };
    expect(Array.from(proveUncertainty(fileOf(values, picture), picture, "disagreement"))).toEqual(values);
    const flat = fileOf(values, { ...picture, size: [4, 1, 1] });
    expect(() => proveUncertainty(flat, picture, "disagreement")).toThrow(
      "written map of disagreement has 4 x 1 x 1 voxels, expected 2 x 2 x 1",
    );
  });
});
