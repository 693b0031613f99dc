import { describe, expect, it } from "vitest";
import { ClassicalManifest } from "#src/model/classical-manifest.js";
import { makesProbabilities } from "#src/stages/outputs/outputs-for.js";
import { assertGivesProbabilities } from "#src/stages/outputs/probabilities-output.js";
import { brightManifest, brightNetwork } from "../../../support/tiny-models.js";

describe("makesProbabilities", () => {
  it.each([
    ["dicom", "fractional", [], true],
    ["dicom", "binary", [], false],
    ["dicom", "labelmap", ["probabilities"], true],
    ["nifti", "fractional", [], false],
    ["png", "fractional", [], false],
    ["nifti", "binary", ["probabilities"], true],
  ] as const)("of %s, %s and %j: %s", (format, seg, outputs, expected) => {
    expect(makesProbabilities(format, { seg, outputs })).toBe(expected);
  });
});

describe("assertGivesProbabilities", () => {
  const network = brightManifest(brightNetwork());
  const { schemaVersion, id, version, title, description, labels, postprocess, licence, scores } = network;
  const common = { schemaVersion, id, version, title, description, labels, postprocess, licence, scores };
  const methodOf = (classical: object) =>
    ClassicalManifest.parse({ ...common, classical, channels: [{ name: "any", modalities: [] }], trainingData: [] });

  it("refuses methods that give labels alone, by name", () => {
    expect(() => assertGivesProbabilities(methodOf({ kind: "k-means", labels: [0, 1] }))).toThrow(
      "probabilities were asked for, but bright3d gives labels alone (k-means), expected another model",
    );
    expect(() => assertGivesProbabilities(methodOf({ kind: "chan-vese" }))).toThrow("labels alone (chan-vese)");
  });

  it("takes networks and methods with memberships", () => {
    for (const manifest of [network, methodOf({ kind: "fuzzy-c-means", labels: [0, 1] })]) {
      expect(() => assertGivesProbabilities(manifest)).not.toThrow();
    }
  });
});
