import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { affineFromColumns, cross, dot, flipLps, norm, type Vec3 } from "#src/imaging/affine.js";
import type { SliceStack } from "#src/imaging/slice-stack.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import type { DicomInstance } from "./dicom-instance.js";
import { type EvenPlaces, endPlaces, evenPlaces } from "./even-places.js";
import { regularGridOf } from "./regular-grid.js";
import { areFarApart, gapsAmong, isSameStep, lowerMedian, type StackLevel } from "./series-gaps.js";
import { directions, minus, normalOf, plus, times } from "./slice-axes.js";

/** A series put in order: instances ascending along the slice normal, and the grid they make. */
export interface SeriesGeometry {
  readonly slices: readonly DicomInstance[];
  readonly grid: Grid;
  readonly warnings: readonly ScanWarning[];
  /** Null for a regular series: its slices are the grid's planes. */
  readonly irregular: IrregularSeries | null;
}

/** Slices that are not the planes of the grid. */
export interface IrregularSeries {
  /** What is irregular, in the words in which the series would be refused. */
  readonly reason: string;
  /** Where the slices lie in the grid. */
  readonly stack: SliceStack;
}

/** Two slices nearer than this lie in one place. */
const DUPLICATE_MM = 0.01;
/** Sideways drift along the series that is rounding and no tilt: this, or 1 % of the way along the normal. */
const DRIFT_MM = 0.2;
const DRIFT = 0.01;
/** How many times as many voxels the regular grid of an irregular series may have: memory follows the upload's size. */
const MAX_GROWTH = 8;
/** Largest difference of a direction cosine, or relative difference of a pixel spacing, within one series. */
const SAME_TOLERANCE = 1e-3;

/**
 * Sorts slices by Image Position Patient along the slice normal (never by name or number) and checks that they are one
 * volume. Regular: every step within max(0.02 mm, 2 %) of the median (the lower one of an even number), or every slice
 * as near to even steps as positions rounded to 0.1 mm are (`evenPlaces`); and no sideways drift.
 *
 * Regular slices: the affine's z step is (last position - first position) / (slices - 1), the first pixel of the first
 * slice is the origin; where the ends are rounded too far for that, both are moved along the normal, by 0.05 mm of each
 * coordinate at most. A single slice is as thick as its header says. Variable spacing and tilt, where allowed: the
 * grid of `regularGridOf`.
 *
 * @param instances of one volume, in any order
 * @param subject how messages name the series
 * @param irregular what to do with variable spacing and tilt
 * @throws {PipelineError} SeriesInconsistent (size, orientation, pixel spacing, study, several images in one place), SeriesIrregular (tilt, varying spacing; unless resampled, or where that takes too much memory), SeriesGap
 */
export function seriesGeometry(
  instances: readonly DicomInstance[],
  subject: string,
  irregular: "reject" | "resample" = "reject",
): SeriesGeometry {
  const first = instances[0];
  if (first === undefined) throw new RangeError("a series needs at least one instance");
  if (first.placement === "none") return flatGeometry(first);
  for (const instance of instances) assertAlike(first, instance, subject);

  const slices = inOrder(instances);
  const normal = normalOf(first);
  const depths = slices.map((slice) => dot(slice.positionLps, normal));
  const levels = slices.map((slice, i): StackLevel => levelOf(slice, depths[i] ?? 0));
  const { steps, expectedMm, gaps } = gapsAmong(levels);
  const repeats = steps.filter((step) => step < DUPLICATE_MM).length;
  if (repeats > 0) {
    throw new PipelineError(
      "SeriesInconsistent",
      `${subject} has ${repeats} slices in a place that another one with other pixels takes, expected one volume a series`,
    );
  }
  if (gaps.length > 0) throw gapError(steps, gaps, expectedMm, subject);
  const tilt = tiltOf(slices, normal, subject);
  const medianMm = lowerMedian(steps);
  const hasEqualSteps = steps.every((step) => isSameStep(step, medianMm));
  const even = hasEqualSteps ? endPlaces(depths) : evenPlaces(depths, normal);
  const varying = even === null ? variableSpacing(steps, subject) : null;
  const reasons = [tilt, varying].filter((reason) => reason !== null);
  // Of rounded positions the median is rounded, too.
  const spacingMm = hasEqualSteps ? medianMm : (even?.stepMm ?? medianMm);
  const common = [...frameOfReferenceWarnings(slices), ...farApartWarnings(levels, spacingMm)];
  if (even !== null && tilt === null) {
    const { grid, warnings } = gridOf(slices, even, spacingMm);
    return { slices, grid, warnings: [...common, ...warnings], irregular: null };
  }
  if (irregular === "reject") throw new PipelineError("SeriesIrregular", reasons[0] ?? "");
  const { grid, stack } = regularGridOf(slices, depths, tilt !== null);
  const growth = voxelCount(grid.size) / voxelCount(stack.size);
  if (growth > MAX_GROWTH) {
    const found = `a regular grid for it is ${growth.toFixed(0)} times as large, expected at most ${MAX_GROWTH} times`;
    throw new PipelineError("SeriesIrregular", `${reasons[0]}; ${found}`);
  }
  const message = `${reasons.join("; ")}; it was resampled to ${grid.size.join(" x ")} voxels of ${lengths(grid)} mm, and label volumes lie on that grid; DICOM results lie on the series' own slices`;
  return {
    slices,
    grid,
    warnings: [...common, { code: "SeriesResampled", message }],
    irregular: { reason: reasons.join("; "), stack },
  };
}

/** Slices of one orientation ascending along their normal; those in one place by UID and frame. */
export function inOrder(instances: readonly DicomInstance[]): DicomInstance[] {
  const [first] = instances;
  if (first === undefined) return [];
  const normal = normalOf(first);
  const along = new Map(instances.map((instance) => [instance, dot(instance.positionLps, normal)]));
  return instances.toSorted(
    (a, b) =>
      (along.get(a) ?? 0) - (along.get(b) ?? 0) ||
      (a.sopInstanceUid === b.sopInstanceUid
        ? (a.part ?? 0) - (b.part ?? 0)
        : a.sopInstanceUid < b.sopInstanceUid
          ? -1
          : 1),
  );
}

/** Slices of one orientation, ascending, those in one place together. */
export function places(instances: readonly DicomInstance[]): DicomInstance[][] {
  const [first] = instances;
  if (first === undefined) return [];
  const normal = normalOf(first);
  const found: DicomInstance[][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const slice of inOrder(instances)) {
    const depth = dot(slice.positionLps, normal);
    const last = found.at(-1);
    if (last !== undefined && depth - before < DUPLICATE_MM) last.push(slice);
    else found.push([slice]);
    before = depth;
  }
  return found;
}

/** Whether two slices can be of one volume: size, orientation and pixel spacing. */
export function areAlike(a: DicomInstance, b: DicomInstance): boolean {
  return (
    a.placement === b.placement &&
    a.size[0] === b.size[0] &&
    a.size[1] === b.size[1] &&
    hasSameOrientation(a, b) &&
    hasSameSpacing(a, b)
  );
}

function hasSameOrientation(a: DicomInstance, b: DicomInstance): boolean {
  return a.orientationLps.every((cosine, i) => Math.abs(cosine - (b.orientationLps[i] ?? 0)) <= SAME_TOLERANCE);
}

function hasSameSpacing(a: DicomInstance, b: DicomInstance): boolean {
  const other = b.pixelSpacingMm;
  return (a.pixelSpacingMm ?? []).every((length, i) => Math.abs(length - (other?.[i] ?? 0)) <= SAME_TOLERANCE * length);
}

/** An image without a place: at the origin, rows to the left, columns to the back; in pixels where spacing is unknown. */
function flatGeometry(slice: DicomInstance): SeriesGeometry {
  const warnings: ScanWarning[] = [
    {
      code: "PlacementUnknown",
      message: "the image does not say where in the patient it lies; no DICOM result can refer to it",
    },
  ];
  if (slice.isSpacingAtDetector) {
    const message = "the pixel spacing is that at the detector; lengths in the patient are smaller";
    warnings.push({ code: "SpacingAtDetector", message });
  }
  if (slice.pixelSpacingMm === null) {
    warnings.push({ code: "SpacingUnknown", message: "the image does not say how large a pixel is" });
  }
  const [betweenRows, betweenColumns] = slice.pixelSpacingMm ?? [1, 1];
  const affineLps = affineFromColumns([betweenColumns, 0, 0], [0, betweenRows, 0], [0, 0, 1], [0, 0, 0]);
  const grid: Grid = {
    size: [slice.size[0], slice.size[1], 1],
    affineRas: flipLps(affineLps),
    spacingMm: slice.pixelSpacingMm === null ? null : [betweenColumns, betweenRows, 1],
  };
  return { slices: [slice], grid, warnings, irregular: null };
}

function assertAlike(a: DicomInstance, b: DicomInstance, subject: string): void {
  const found = (what: string, expected: string, other: string) =>
    new PipelineError(
      "SeriesInconsistent",
      `${subject} has slices of different ${what}: entry ${a.ordinal} ${expected}, entry ${b.ordinal} ${other}`,
    );
  if (a.size[0] !== b.size[0] || a.size[1] !== b.size[1]) throw found("size", a.size.join(" x "), b.size.join(" x "));
  if (!hasSameOrientation(a, b)) {
    throw found("orientation", a.orientationLps.join("\\"), b.orientationLps.join("\\"));
  }
  if (!hasSameSpacing(a, b)) {
    throw found("pixel spacing", `${a.pixelSpacingMm?.join(" x ")} mm`, `${b.pixelSpacingMm?.join(" x ")} mm`);
  }
  if (a.studyInstanceUid !== b.studyInstanceUid) throw found("study", "in one", "in another");
}

/** What is tilted; null where the slices lie one above the other. */
function tiltOf(slices: readonly DicomInstance[], normal: Vec3, subject: string): string | null {
  const origin = slices[0]?.positionLps ?? [0, 0, 0];
  for (const { positionLps: p } of slices) {
    const way = minus(p, origin);
    const depth = dot(way, normal);
    const drift = norm(minus(way, times(normal, depth)));
    if (drift <= Math.max(DRIFT_MM, DRIFT * depth)) continue;
    const degrees = (Math.atan2(drift, depth) * 180) / Math.PI;
    return `${subject} is tilted: slices shift sideways by ${drift.toFixed(2)} mm over ${depth.toFixed(2)} mm (a gantry tilt of ${degrees.toFixed(1)} degrees), expected them one above the other`;
  }
  return null;
}

/** What gaps are told by of a slice that lies so far along the normal. */
function levelOf(slice: DicomInstance, depthMm: number): StackLevel {
  const { sliceThicknessMm, spacingBetweenSlicesMm, instanceNumber } = slice;
  return {
    depthMm,
    thicknessMm: sliceThicknessMm,
    declaredStepMm: spacingBetweenSlicesMm,
    // That of a frame or tile counts files.
    number: slice.part === null ? instanceNumber : null,
  };
}

function gapError(
  steps: readonly number[],
  gaps: readonly number[],
  expectedMm: number,
  subject: string,
): PipelineError {
  const found = Math.max(...gaps.map((i) => steps[i] ?? 0)).toFixed(2);
  const count = gaps.length === 1 ? "a gap" : `${gaps.length} gaps`;
  return new PipelineError(
    "SeriesGap",
    `${subject} has ${count} in ${steps.length} steps: ${found} mm found, ${expectedMm.toFixed(2)} mm expected`,
    { details: { steps: gaps.length, expectedMm } },
  );
}

/** How the steps vary. */
function variableSpacing(steps: readonly number[], subject: string): string {
  const median = lowerMedian(steps);
  const off = steps.filter((step) => !isSameStep(step, median));
  const [low, high] = [Math.min(...steps).toFixed(2), Math.max(...steps).toFixed(2)];
  return `${subject} has ${off.length} of ${steps.length} steps off its spacing: ${low} to ${high} mm found, ${median.toFixed(2)} mm expected`;
}

function gridOf(
  slices: readonly DicomInstance[],
  even: EvenPlaces,
  spacingMm: number,
): Pick<SeriesGeometry, "grid" | "warnings"> {
  const first = slices[0];
  const last = slices.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("a series needs at least one instance");
  const [row, column] = directions(first);
  const [betweenRows, betweenColumns] = first.pixelSpacingMm ?? [1, 1];
  const warnings: ScanWarning[] = [];
  let origin = first.positionLps;
  let step: Vec3;
  if (slices.length === 1) {
    const thickness = first.sliceThicknessMm ?? first.spacingBetweenSlicesMm;
    if (thickness === null) {
      const message = "a single slice does not say how thick it is; 1 mm was assumed";
      warnings.push({ code: "SpacingUnknown", message });
    }
    step = times(cross(row, column), thickness ?? 1);
  } else {
    const normal = normalOf(first);
    const [firstMm, lastMm] = [dot(first.positionLps, normal), dot(last.positionLps, normal)];
    const steps = slices.length - 1;
    step = times(minus(last.positionLps, first.positionLps), 1 / steps);
    origin = moved(origin, normal, even.firstMm - firstMm);
    step = moved(step, normal, even.stepMm - (lastMm - firstMm) / steps);
    warnings.push(...spacingTagWarnings(first.spacingBetweenSlicesMm, spacingMm));
  }
  const affineLps = affineFromColumns(times(row, betweenColumns), times(column, betweenRows), step, origin);
  const grid: Grid = {
    size: [first.size[0], first.size[1], slices.length],
    affineRas: flipLps(affineLps),
    spacingMm: [betweenColumns, betweenRows, norm(step)],
  };
  return { grid, warnings };
}

/** What is not moved keeps its bits. */
function moved(v: Vec3, normal: Vec3, mm: number): Vec3 {
  return mm === 0 ? v : plus(v, times(normal, mm));
}

/** De-identification tools are known to give every file a frame of its own; positions still tell the truth. */
function frameOfReferenceWarnings(slices: readonly DicomInstance[]): ScanWarning[] {
  const frames = new Set(slices.map((slice) => slice.frameOfReferenceUid)).size;
  if (frames === 1) return [];
  const message = `the slices name ${frames} frames of reference; their positions were taken as of one`;
  return [{ code: "FrameOfReferenceMixed", message }];
}

function spacingTagWarnings(tagMm: number | null, medianMm: number): ScanWarning[] {
  if (tagMm === null || isSameStep(tagMm, medianMm)) return [];
  const message = `the header says ${tagMm.toFixed(2)} mm between slices, the positions ${medianMm.toFixed(2)} mm; the positions were used`;
  return [{ code: "SpacingTagIgnored", message }];
}

function farApartWarnings(levels: readonly StackLevel[], medianMm: number): ScanWarning[] {
  if (!areFarApart(levels, medianMm)) return [];
  const thickness = levels[0]?.thicknessMm?.toFixed(2);
  const message = `slices of ${thickness} mm lie ${medianMm.toFixed(2)} mm apart; every other one or more may be missing`;
  return [{ code: "SlicesFarApart", message }];
}

function lengths(grid: Grid): string {
  return (grid.spacingMm ?? []).map((mm) => mm.toFixed(2)).join(" x ");
}
