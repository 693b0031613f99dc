import { PipelineError } from "#src/core/errors.js";
import { isClassical, isNetwork, type PackageManifest } from "./classical-manifest.js";
import { labelsGiven } from "./described-labels.js";
import type { EnsembleManifest } from "./ensemble-manifest.js";
import type { ModelManifest } from "./manifest.js";
import { overlapIssue } from "./refine-steps.js";

type Others = ReadonlyMap<string, { readonly manifest: PackageManifest }>;

/**
 * Ids of the models that a model asks: those that run before it, in the order of their work, each once; the members of
 * an ensemble.
 */
export function othersOf(manifest: PackageManifest): readonly string[] {
  if (isClassical(manifest)) return [];
  if (!isNetwork(manifest)) return manifest.ensemble.members.map(({ model }) => model);
  const asked = [manifest.region?.model, manifest.previous?.model];
  return [...new Set(asked.filter((id) => id !== undefined))];
}

/**
 * Whether a model and those that it asks can work together: all networks, of the same images, and with the labels that
 * are asked for; members of an ensemble with the same channels of their output.
 *
 * @throws {PipelineError} `ModelInvalid` naming both
 */
export function assertFit(manifest: PackageManifest, others: Others): void {
  if (isClassical(manifest)) return;
  const networks = new Map<string, ModelManifest>();
  for (const [id, { manifest: other }] of others) {
    if (!isNetwork(other)) throw unfit(manifest.id, id, "has no network of its own", "one");
    const [found, expected] = [other.channels.length, manifest.channels.length];
    if (found !== expected) throw unfit(manifest.id, id, `reads ${found} channels`, `${expected}`);
    for (const [n, { colour: expectedColour = "brightness" }] of manifest.channels.entries()) {
      // One image is read for all of them.
      const foundColour = other.channels[n]?.colour ?? "brightness";
      if (foundColour !== expectedColour) {
        throw unfit(manifest.id, id, `reads ${foundColour} as channel ${n}`, expectedColour);
      }
    }
    networks.set(id, other);
  }
  for (const { model, labels } of labelsAsked(manifest)) {
    const known = networks.get(model)?.labels.map(({ value }) => value) ?? [];
    const missing = labels.find((label) => !known.includes(label));
    if (missing !== undefined) {
      throw unfit(manifest.id, model, `has labels ${known.join(", ")}`, `label ${missing} too`);
    }
  }
  if (isNetwork(manifest)) return;
  const [first, ...rest] = [...networks.values()];
  for (const other of rest) {
    const [found, expected] = [outputOf(other), first === undefined ? "" : outputOf(first)];
    if (found !== expected) throw unfit(manifest.id, other.id, `gives ${found}`, `${expected} as ${first?.id}`);
  }
  assertDescribed(manifest, networks);
  const overlap = overlapIssue(manifest.postprocess, regionsOf(manifest, others) ?? []);
  if (overlap !== null) {
    throw new PipelineError(
      "ModelInvalid",
      `model ${manifest.id}, field ${overlap.path.join(".")}: ${overlap.message}`,
    );
  }
  const cut = [...networks.values()].find(({ region }) => region !== undefined);
  if (cut !== undefined && manifest.ensemble.grid === "network") {
    throw unfit(manifest.id, cut.id, "works in a region", "the whole image for a mean on the network's grid");
  }
}

/**
 * Labels that the channels of a model write as regions, in their order: a later one over an earlier one. Undefined where
 * labels exclude each other.
 */
export function regionsOf(manifest: PackageManifest, others: Others): readonly number[] | undefined {
  if (isClassical(manifest)) return undefined;
  const [member] = others.values();
  // The members of an ensemble give the same regions in the same order.
  const network = isNetwork(manifest) ? manifest : member?.manifest;
  if (network === undefined || !isNetwork(network) || network.activation === "softmax") return undefined;
  return network.activation.regions;
}

function labelsAsked(manifest: Exclude<PackageManifest, { classical: unknown }>) {
  if (isNetwork(manifest)) return [manifest.region, manifest.previous].filter((asked) => asked !== undefined);
  const labels = manifest.labels.map(({ value }) => value);
  return manifest.ensemble.members.map(({ model }) => ({ model, labels }));
}

/** What the members give is in the label map of the ensemble, so it must have a description there too. */
function assertDescribed({ id, labels }: EnsembleManifest, networks: ReadonlyMap<string, ModelManifest>): void {
  const described = labels.map(({ value }) => value);
  for (const other of networks.values()) {
    const missing = labelsGiven(other).filter((value) => !described.includes(value));
    if (missing.length === 0) continue;
    const expected = `labels ${described.join(", ")} alone, as ${id} describes`;
    throw unfit(id, other.id, `gives ${missing.join(", ")} too`, expected);
  }
}

/** What a network's output channels mean, to compare and to print. */
function outputOf({ activation, network }: ModelManifest): string {
  return activation === "softmax" ? `softmax of ${network.classes}` : `regions ${activation.regions.join(", ")}`;
}

function unfit(id: string, other: string, found: string, expected: string): PipelineError {
  return new PipelineError("ModelInvalid", `model ${id} asks model ${other}, which ${found}, expected ${expected}`);
}
