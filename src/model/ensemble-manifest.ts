import { z } from "zod";
import { ModelManifest } from "./manifest.js";
import { misfitIssue } from "./refine-steps.js";

const { schemaVersion, id, version, title, description, channels, labels, postprocess } = ModelManifest.shape;
const { licence, trainingData, scores, golden } = ModelManifest.shape;
const { colour } = channels.element.shape;
const text = z.string().min(1);

/**
 * Several models as one: the weighted mean of their probabilities decides. Each member is a model package of its own
 * with its own grid, normalisation and tiles; its postprocess steps do not run, those named here do.
 */
export const EnsembleManifest = z
  .strictObject({
    schemaVersion,
    id,
    version,
    title,
    description,
    ensemble: z.strictObject({
      /**
       * Where the mean is taken. "source": every member's logits are brought to the source's grid first, as nnU-Net
       * does across configurations. "network": on the members' own grid, which must be the same for all.
       */
      grid: z.literal(["source", "network"]),
      members: z
        .array(z.strictObject({ model: id, weight: z.number().positive().finite() }))
        .min(2)
        .refine((members) => new Set(members.map(({ model }) => model)).size === members.length, "names a model twice"),
    }),
    channels: z.array(z.strictObject({ name: text, modalities: z.array(text), colour })).min(1),
    labels,
    postprocess,
    licence,
    trainingData,
    scores,
    golden,
  })
  .superRefine((m, context) => {
    const values = m.labels.map((label) => label.value);
    const misfit = misfitIssue(m.postprocess, values);
    if (misfit !== null) context.addIssue(misfit);
  });
export type EnsembleManifest = z.infer<typeof EnsembleManifest>;
