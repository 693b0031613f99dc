import { PipelineError } from "#src/core/errors.js";
import type { DicomInstance } from "./dicom-instance.js";
import { areAlike, inOrder, places } from "./series-geometry.js";
import { ORDERING_TRAITS, TRAIT_NAMES } from "./slice-traits.js";
import { type ContrastSlice, contrastOf, splitByContrast } from "./split-contrasts.js";

/** Slices that make one volume, and what told them from the others of their series. */
export interface VolumePart {
  readonly slices: readonly DicomInstance[];
  /** Names of the traits that separated it, such as "echo time"; empty where there was nothing to separate. */
  readonly told: readonly string[];
}

/** Shapes that one series may hold: no upload has more images. */
const MAX_SHAPES = 1000;

/**
 * Parts of a series that can be one volume each: slices of one size, orientation and pixel spacing, largest first.
 *
 * @param subject how messages name the series
 * @throws {PipelineError} SeriesInconsistent for more shapes than an upload may hold images
 */
export function splitByShape(instances: readonly DicomInstance[], subject: string): DicomInstance[][] {
  const shapes: { readonly first: DicomInstance; readonly slices: DicomInstance[] }[] = [];
  const flat: DicomInstance[][] = [];
  for (const instance of instances.toSorted(byIdentity)) {
    if (instance.placement === "none") {
      flat.push([instance]);
      continue;
    }
    const shape = shapes.find(({ first }) => areAlike(first, instance));
    if (shape !== undefined) shape.slices.push(instance);
    else shapes.push({ first: instance, slices: [instance] });
    if (shapes.length > MAX_SHAPES) {
      const found = `${subject} holds slices of more than ${MAX_SHAPES} orientations, sizes or pixel spacings`;
      throw new PipelineError("SeriesInconsistent", `${found}, expected few`);
    }
  }
  // A stable sort: parts of equal size stay in the order of their first slices.
  const placed = shapes.map(({ slices }) => slices).toSorted((a, b) => b.length - a.length);
  return [...placed, ...flat];
}

/**
 * Splits slices of one shape into volumes. Where several lie in one place a trait separates volumes where each of its
 * values occurs in every place; it may take several traits. Where none does, moments in time order the images
 * of each place (each place then has as many as every other, all different). What is left is returned as it is. Where no
 * two lie in one place a trait of the contrast may separate them (`splitByContrast`).
 */
export function splitByTraits(slices: readonly DicomInstance[], told: readonly string[] = []): VolumePart[] {
  const stacked = places(slices);
  if (stacked.every((place) => place.length === 1)) {
    const contrasts = splitByContrast(inOrder(slices).map(withContrast));
    if (contrasts === null) return [{ slices, told }];
    return contrasts.groups.flatMap((group) =>
      splitByTraits(
        group.map(({ slice }) => slice),
        [...told, contrasts.trait],
      ),
    );
  }
  for (const trait of TRAIT_NAMES) {
    const groups = groupsBy(slices, (slice) => slice.traits[trait] ?? "");
    if (groups.length > 1 && groups.every((group) => places(group).length === stacked.length)) {
      return groups.flatMap((group) => splitByTraits(group, [...told, trait]));
    }
  }
  // Every instance that holds all places, as a mosaic does, is a volume of its own.
  const files = groupsBy(slices, (slice) => `${slice.sopInstanceUid} ${slice.ordinal}`);
  if (files.length > 1 && slices.every((slice) => slice.part !== null)) {
    const isWhole = files.every((file) => places(file).length === stacked.length);
    if (isWhole) return files.flatMap((file) => splitByTraits(file, [...told, "instance"]));
  }
  for (const trait of ORDERING_TRAITS) {
    const ranks = ranked(stacked, (slice) => numberOf(slice.traits[trait]));
    if (ranks !== null) return ranks.map((group) => ({ slices: group, told: [...told, trait] }));
  }
  return [{ slices, told }];
}

/**
 * Splits by Instance Number, which counts in any order a vendor likes: only where volume n of every place is numbered
 * the same distance from volume 0, so that one volume after another, or one place after another, was counted. Null
 * where that is not so.
 */
export function splitByNumber({ slices, told }: VolumePart): VolumePart[] | null {
  const ranks = ranked(places(slices), (slice) => slice.instanceNumber);
  if (ranks === null) return null;
  const [first = []] = ranks;
  const isEven = ranks.every((rank) => {
    const distances = rank.map((slice, n) => (slice.instanceNumber ?? 0) - (first[n]?.instanceNumber ?? 0));
    return distances.every((distance) => distance === distances[0]);
  });
  return isEven ? ranks.map((rank) => ({ slices: rank, told: [...told, "instance number"] })) : null;
}

/** The n-th image of every place, for each n; null unless all places have as many, all of different value. */
function ranked(
  stacked: readonly DicomInstance[][],
  traitOf: (slice: DicomInstance) => number | null,
): DicomInstance[][] | null {
  const count = stacked[0]?.length ?? 0;
  const ranks: DicomInstance[][] = Array.from({ length: count }, () => []);
  for (const place of stacked) {
    if (place.length !== count) return null;
    const values = place.map((slice) => ({ slice, value: traitOf(slice) ?? Number.NaN }));
    values.sort((a, b) => a.value - b.value);
    for (const [n, { slice, value }] of values.entries()) {
      const before = values[n - 1]?.value ?? Number.NEGATIVE_INFINITY;
      if (!(value > before)) return null;
      ranks[n]?.push(slice);
    }
  }
  return ranks;
}

function withContrast(slice: DicomInstance): ContrastSlice & { readonly slice: DicomInstance } {
  const { positionLps, orientationLps } = slice;
  return { slice, positionLps, orientationLps, contrast: contrastOf(slice) };
}

/** Groups in the order of their values, as numbers where all are. */
function groupsBy(slices: readonly DicomInstance[], traitOf: (slice: DicomInstance) => string): DicomInstance[][] {
  const groups = new Map<string, DicomInstance[]>();
  for (const slice of inOrder(slices)) {
    const group = groups.get(traitOf(slice));
    if (group === undefined) groups.set(traitOf(slice), [slice]);
    else group.push(slice);
  }
  const values = [...groups.keys()];
  const areNumbers = values.every((value) => numberOf(value) !== null);
  values.sort((a, b) => (areNumbers ? Number(a) - Number(b) : a < b ? -1 : 1));
  return values.map((value) => groups.get(value) ?? []);
}

function numberOf(value: string | undefined): number | null {
  return value === undefined || value.trim() === "" || !Number.isFinite(Number(value)) ? null : Number(value);
}

/** An order that does not depend on how the files came. */
function byIdentity(a: DicomInstance, b: DicomInstance): number {
  if (a.sopInstanceUid !== b.sopInstanceUid) return a.sopInstanceUid < b.sopInstanceUid ? -1 : 1;
  return (a.part ?? 0) - (b.part ?? 0);
}
