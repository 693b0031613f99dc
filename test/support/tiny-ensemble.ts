import type { EnsembleManifest } from "#src/model/ensemble-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";

/** An ensemble of models, with everything else as its first member has it. */
export function ensembleOf(
  members: readonly (readonly [ModelManifest, number])[],
  grid: "source" | "network" = "source",
): EnsembleManifest {
  const [first] = members;
  if (first === undefined) throw new RangeError("an ensemble has members");
  const { schemaVersion, version, title, description, labels, postprocess, licence, trainingData, scores, golden } =
    first[0];
  return {
    ...{ schemaVersion, id: "together", version, title, description },
    ensemble: { grid, members: members.map(([{ id }, weight]) => ({ model: id, weight })) },
    channels: first[0].channels.map(({ name, modalities, colour }) => ({
      name,
      modalities,
      ...(colour && { colour }),
    })),
    ...{ labels, postprocess, licence, trainingData, scores, golden },
  };
}
