import { isClassical, isNetwork, type PackageManifest } from "#src/model/classical-manifest.js";
import { folderModels } from "#src/model/model-library.js";
import { modelsFolder } from "./models-folder.js";
import { table } from "./table.js";

/** `scanlane models`: the installed models with what they segment, their size and score. */
export async function models(flags: { readonly models?: string; readonly json?: boolean }): Promise<void> {
  const packages = await folderModels(modelsFolder(flags.models)).list();
  if (flags.json) {
    console.log(JSON.stringify(packages.map(({ manifest, digest }) => ({ digest, ...manifest }))));
    return;
  }
  const rows = packages.map(({ manifest }) => [
    manifest.id,
    manifest.version,
    manifest.channels.map((channel) => channel.modalities.join("/")).join(" + "),
    ...kindAndParameters(manifest),
    manifest.labels.map((label) => label.name).join(", "),
    scoreText(manifest.scores),
  ]);
  console.log(table(["model", "version", "input", "kind", "parameters", "labels", "score"], rows));
}

interface Score {
  /** Where images are in groups: "data set, group". */
  readonly dataset: string;
  readonly label: string;
  readonly metric: string;
  readonly mean: number;
}

/** Scores with what tells them apart: group, label, or nothing. */
export function scoreText(scores: readonly Score[]): string {
  const [first] = scores;
  if (first === undefined) return "-";
  const isSeveral = (values: readonly string[]) => new Set(values).size > 1;
  const [datasets, labels] = [isSeveral(scores.map((one) => one.dataset)), isSeveral(scores.map((one) => one.label))];
  const parts = scores.map(({ dataset, label, mean }) => {
    const group = dataset.includes(", ") ? dataset.slice(dataset.indexOf(", ") + 2) : dataset;
    return [mean.toFixed(3), ...(datasets ? [group] : []), ...(labels ? [label] : [])].join(" ");
  });
  return `${first.metric} ${parts.join(", ")}`;
}

/** Dimensions and parameters of a network, or the name of a method. */
function kindAndParameters(manifest: PackageManifest): [string, string] {
  if (isClassical(manifest)) return [manifest.classical.kind, "-"];
  if (!isNetwork(manifest)) return [`${manifest.ensemble.members.length} models`, "-"];
  const { dimensions, parameters } = manifest.network;
  return [`${dimensions}-D`, `${(parameters / 1e6).toFixed(2)} M`];
}
