import type { ModelManifest } from "./manifest.js";

/** Labels that a network's channels write, in the order of the channels. */
export function labelsGiven({ activation, network }: Pick<ModelManifest, "activation" | "network">): readonly number[] {
  if (activation !== "softmax") return activation.regions;
  return Array.from({ length: network.classes - 1 }, (_, n) => n + 1);
}

/**
 * Labels that a network writes and no one describes, as an issue of its manifest: they would be in the label map without
 * a name, in no segment and no volume, and no step could ask for their probabilities. Null when there are none.
 */
export function undescribedIssue(
  manifest: Pick<ModelManifest, "activation" | "network" | "labels">,
): { code: "custom"; path: string[]; message: string } | null {
  const described = new Set(manifest.labels.map(({ value }) => value));
  const missing = labelsGiven(manifest).filter((value) => !described.has(value));
  if (missing.length === 0) return null;
  const found = `describes ${[...described].join(", ")}`;
  return { code: "custom", path: ["labels"], message: `${found}, the network gives ${missing.join(", ")} too` };
}
