import { z } from "zod";
import { ClassicalMethod, labelsOfMethod } from "./classical-method.js";
import type { EnsembleManifest } from "./ensemble-manifest.js";
import { ModelManifest } from "./manifest.js";
import { misfitIssue } from "./refine-steps.js";

const { schemaVersion, id, version, title, description, labels, postprocess, licence, scores } = ModelManifest.shape;
const text = z.string().min(1);

/**
 * A model without a network: a classical method with its parameters. It works on the source grid, so the parts of a
 * manifest that describe a network's grid, tiles and golden case are not there.
 */
export const ClassicalManifest = z
  .strictObject({
    schemaVersion,
    id,
    version,
    title,
    description,
    classical: ClassicalMethod,
    channels: z.array(z.strictObject({ name: text, modalities: z.array(text) })).min(1),
    labels,
    postprocess,
    licence,
    /** Empty for a method that nothing was trained for. */
    trainingData: z.array(z.strictObject({ name: text, licence: text })),
    scores,
  })
  .superRefine((m, context) => {
    const described = new Set(m.labels.map((label) => label.value));
    const given = labelsOfMethod(m.classical);
    if (given.length !== described.size || given.some((value) => !described.has(value))) {
      const message = `describes ${[...described].join(", ")}, the method gives ${given.join(", ")}`;
      context.addIssue({ code: "custom", path: ["labels"], message });
    }
    const misfit = misfitIssue(m.postprocess, [...described]);
    if (misfit !== null) context.addIssue(misfit);
    const { classical } = m;
    if (classical.kind !== "fuzzy-neuro") return;
    const features = m.channels.length * classical.smoothMm.length;
    const { memberships, hidden, output } = classical;
    const functions = memberships.reduce((sum, of) => sum + of.length, 0);
    const fits =
      (memberships.length === 0 || memberships.length === features) &&
      hidden.weights.every((row) => row.length === (memberships.length === 0 ? features : functions)) &&
      hidden.weights.length === hidden.bias.length &&
      output.weights.every((row) => row.length === hidden.bias.length) &&
      output.weights.length === output.bias.length &&
      output.bias.length === classical.labels.length;
    if (!fits) {
      const message = "membership functions, layers and labels must fit each other and the number of features";
      context.addIssue({ code: "custom", path: ["classical"], message });
    }
  });
export type ClassicalManifest = z.infer<typeof ClassicalManifest>;

/** What a model package holds: a network, a classical method, or several models as one. */
export type PackageManifest = ModelManifest | ClassicalManifest | EnsembleManifest;

export function isClassical(manifest: PackageManifest): manifest is ClassicalManifest {
  return "classical" in manifest;
}

export function isNetwork(manifest: PackageManifest): manifest is ModelManifest {
  return "network" in manifest;
}
