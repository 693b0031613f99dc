import { PipelineError } from "#src/core/errors.js";
import { isClassical, type PackageManifest } from "./classical-manifest.js";

/** Ids of the models that a model asks: those that run before it, in the order of their work, each once. */
export function othersOf(manifest: PackageManifest): readonly string[] {
  if (isClassical(manifest)) return [];
  const asked = [manifest.region?.model, manifest.previous?.model];
  return [...new Set(asked.filter((id) => id !== undefined))];
}

/**
 * Whether a model and those that it asks can work together: all networks, of the same images, and with the labels that
 * are asked for.
 *
 * @throws {PipelineError} `ModelInvalid` naming both
 */
export function assertFit(
  manifest: PackageManifest,
  others: ReadonlyMap<string, { readonly manifest: PackageManifest }>,
): void {
  if (isClassical(manifest)) return;
  for (const [id, { manifest: other }] of others) {
    if (isClassical(other)) throw unfit(manifest.id, id, "is a classical method", "a network");
    const [found, expected] = [other.channels.length, manifest.channels.length];
    if (found !== expected) throw unfit(manifest.id, id, `reads ${found} channels`, `${expected}`);
  }
  for (const asked of [manifest.region, manifest.previous]) {
    const known = asked && others.get(asked.model)?.manifest.labels.map(({ value }) => value);
    const missing = asked?.labels.find((label) => known?.includes(label) === false);
    if (asked && missing !== undefined) {
      throw unfit(manifest.id, asked.model, `has labels ${known?.join(", ")}`, `label ${missing} too`);
    }
  }
}

function unfit(id: string, other: string, found: string, expected: string): PipelineError {
  return new PipelineError("ModelInvalid", `model ${id} asks model ${other}, which ${found}, expected ${expected}`);
}
