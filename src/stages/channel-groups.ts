import { PipelineError } from "#src/core/errors.js";
import type { FoundScan, UploadEntry } from "#src/formats/scan.js";
import { applyAffine, type Vec3 } from "#src/imaging/affine.js";
import type { PackageManifest } from "#src/model/classical-manifest.js";

/** Images of an upload that a model reads together, in the order of its channels. */
export type ChannelGroup = readonly [FoundScan, ...FoundScan[]];

/** nnU-Net's suffix of a channel: `case_0000.nii.gz`. */
const SUFFIX = /^(.*)_(\d{4})(\.[^/]*)$/;
/** How far corners of two grids may lie apart, in the smallest voxel length of the first: rounding of float32 headers. */
const TOLERANCE_VOX = 0.01;

/**
 * Puts images together for a model of several channels: volume files by nnU-Net's suffixes `_0000`, `_0001`, …; the
 * volumes of one file in their order; images of other modalities by those that the model's channels name.
 *
 * @returns one group an image of the model, in the order of their first files
 * @throws {PipelineError} `InputMismatch` when channels are missing or left over, cannot be told apart, or lie on other
 *   grids than the first
 */
export function channelGroups(
  scans: readonly FoundScan[],
  entries: readonly UploadEntry[],
  manifest: Pick<PackageManifest, "id" | "channels">,
): readonly ChannelGroup[] {
  const wanted = manifest.channels.length;
  if (wanted === 1) return scans.map((scan): ChannelGroup => [scan]);
  const groups = bySuffix(scans, entries) ?? byFile(scans, wanted) ?? byModality(scans, manifest);
  if (groups === null) {
    const expected = "names that end in _0000, _0001, …, one file of all, or series of the modalities that it names";
    const found = `${scans.length} images whose channels cannot be told apart`;
    throw new PipelineError(
      "InputMismatch",
      `${manifest.id} reads ${wanted} images together, found ${found}, expected ${expected}`,
    );
  }
  return groups.map((group) => {
    const [first, ...rest] = group;
    if (first === undefined || group.length !== wanted) {
      const subject = `image of entry ${first?.entries[0]}`;
      throw new PipelineError(
        "InputMismatch",
        `${subject} has ${group.length} channels, ${manifest.id} expects ${wanted}`,
      );
    }
    for (const [n, other] of rest.entries()) assertSameGrid(first, other, n + 1);
    return [first, ...rest];
  });
}

/** Null unless every image is a file whose name ends as nnU-Net's do, numbered from 0000 without a gap. */
function bySuffix(scans: readonly FoundScan[], entries: readonly UploadEntry[]): FoundScan[][] | null {
  const names = new Map(entries.map(({ ordinal, name }) => [ordinal, name]));
  const groups = new Map<string, FoundScan[]>();
  for (const scan of scans) {
    const parsed = SUFFIX.exec(names.get(scan.entries[0] ?? -1) ?? "");
    if (parsed === null || scan.format === "dicom") return null;
    const [, stem = "", number] = parsed;
    const group = groups.get(stem) ?? [];
    groups.set(stem, group);
    if (group[Number(number)] !== undefined) return null;
    group[Number(number)] = scan;
  }
  for (const group of groups.values()) {
    const gap = Array.from(group).indexOf(undefined as never);
    if (gap < 0) continue;
    const some = group.find((scan) => scan !== undefined);
    const missing = String(gap).padStart(4, "0");
    throw new PipelineError(
      "InputMismatch",
      `image of entry ${some?.entries[0]} has no channel _${missing}, expected one`,
    );
  }
  return [...groups.values()];
}

/** Null unless every image is one of as many volumes of one file as the model has channels. */
function byFile(scans: readonly FoundScan[], wanted: number): FoundScan[][] | null {
  const files = new Map<number, FoundScan[]>();
  for (const scan of scans) {
    if (scan.format === "dicom") return null;
    const entry = scan.entries[0] ?? -1;
    files.set(entry, [...(files.get(entry) ?? []), scan]);
  }
  return [...files.values()].every((file) => file.length === wanted) ? [...files.values()] : null;
}

/** Null unless each of the model's channels names modalities that exactly one image has. */
function byModality(
  scans: readonly FoundScan[],
  { channels }: Pick<PackageManifest, "channels">,
): FoundScan[][] | null {
  const group = channels.flatMap(({ modalities }) =>
    scans.filter(({ modality }) => modality !== null && modalities.includes(modality)),
  );
  const isOneToOne = group.length === channels.length && scans.length === group.length;
  return isOneToOne && new Set(group).size === group.length ? [group] : null;
}

/** @throws {PipelineError} `InputMismatch` naming what differs */
function assertSameGrid(first: FoundScan, other: FoundScan, channel: number): void {
  const subject = `channel ${channel} (entry ${other.entries[0]})`;
  const [size, expected] = [other.grid.size.join(" x "), first.grid.size.join(" x ")];
  if (size !== expected) {
    throw new PipelineError("InputMismatch", `${subject} has ${size} voxels, expected ${expected} as channel 0`);
  }
  const limit = TOLERANCE_VOX * Math.min(...(first.grid.spacingMm ?? [1, 1, 1]));
  const [nx, ny, nz] = first.grid.size;
  for (const corner of [
    [0, 0, 0],
    [nx, 0, 0],
    [0, ny, 0],
    [0, 0, nz],
  ] satisfies Vec3[]) {
    const [a, b] = [applyAffine(first.grid.affineRas, corner), applyAffine(other.grid.affineRas, corner)];
    const apart = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    if (apart <= limit) continue;
    const found = `a corner ${apart.toFixed(2)} mm from that of channel 0`;
    throw new PipelineError("InputMismatch", `${subject} has ${found}, expected the same grid`);
  }
}
