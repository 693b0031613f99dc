import { PipelineError } from "#src/core/errors.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { affineFromColumns, cross, dot, flipLps, norm, type Vec3 } from "#src/imaging/affine.js";
import type { Grid } from "#src/imaging/volume.js";
import type { DicomInstance } from "./dicom-instance.js";

/** A series put in order: instances ascending along the slice normal, and the grid they make. */
export interface SeriesGeometry {
  readonly slices: readonly DicomInstance[];
  readonly grid: Grid;
  readonly warnings: readonly ScanWarning[];
}

/** Steps that differ less than this from the median, or than 2 % of it, are equal. Positions are often rounded to 0.1 mm. */
const STEP_TOLERANCE_MM = 0.02;
const STEP_TOLERANCE = 0.02;
const GAP_FACTOR = 1.5;
/** Two slices nearer than this lie in one place. */
const DUPLICATE_MM = 0.01;
/** Sideways drift along the series that is rounding and no tilt: this, or 1 % of the way along the normal. */
const DRIFT_MM = 0.2;
const DRIFT = 0.01;
/** Largest difference of a direction cosine, or relative difference of a pixel spacing, within one series. */
const SAME_TOLERANCE = 1e-3;

/**
 * Sorts a series by Image Position Patient along the slice normal (never by name or number) and checks that it is one
 * regular volume. Regular: every step within max(0.02 mm, 2 %) of the median (the lower one of an even number).
 *
 * The affine's z step is (last position - first position) / (slices - 1); the first pixel of the first slice is the
 * origin. A single slice is as thick as its header says.
 *
 * @param instances of one series, in any order, without copies (`dropCopies`)
 * @param subject how messages name the series
 * @throws {PipelineError} SeriesInconsistent (size, orientation, pixel spacing, study, several images in one place), SeriesIrregular (tilt, varying spacing), SeriesGap
 */
export function seriesGeometry(instances: readonly DicomInstance[], subject: string): SeriesGeometry {
  const first = instances[0];
  if (first === undefined) throw new RangeError("a series needs at least one instance");
  for (const instance of instances) assertAlike(first, instance, subject);

  const normal = normalOf(first);
  const along = (instance: DicomInstance) => dot(instance.positionLps, normal);
  const slices = instances.toSorted((a, b) => along(a) - along(b) || (a.sopInstanceUid < b.sopInstanceUid ? -1 : 1));
  const steps = slices.slice(1).map((slice, i) => along(slice) - along(slices[i] ?? slice));
  const repeats = steps.filter((step) => step < DUPLICATE_MM).length;
  if (repeats > 0) {
    throw new PipelineError(
      "SeriesInconsistent",
      `${subject} has ${repeats} slices in a place that another one with other pixels takes, expected one volume a series`,
    );
  }
  assertNoTilt(slices, normal, subject);
  assertRegular(steps, subject);
  const { grid, warnings } = gridOf(slices, steps);
  return { slices, grid, warnings: [...frameOfReferenceWarnings(slices), ...warnings] };
}

function assertAlike(a: DicomInstance, b: DicomInstance, subject: string): void {
  const found = (what: string, expected: string, other: string) =>
    new PipelineError(
      "SeriesInconsistent",
      `${subject} has slices of different ${what}: entry ${a.ordinal} ${expected}, entry ${b.ordinal} ${other}`,
    );
  if (a.pixels.rows !== b.pixels.rows || a.pixels.columns !== b.pixels.columns) {
    throw found("size", `${a.pixels.columns} x ${a.pixels.rows}`, `${b.pixels.columns} x ${b.pixels.rows}`);
  }
  if (a.orientationLps.some((cosine, i) => Math.abs(cosine - (b.orientationLps[i] ?? 0)) > SAME_TOLERANCE)) {
    throw found("orientation", a.orientationLps.join("\\"), b.orientationLps.join("\\"));
  }
  if (a.pixelSpacingMm.some((length, i) => Math.abs(length - (b.pixelSpacingMm[i] ?? 0)) > SAME_TOLERANCE * length)) {
    throw found("pixel spacing", `${a.pixelSpacingMm.join(" x ")} mm`, `${b.pixelSpacingMm.join(" x ")} mm`);
  }
  if (a.studyInstanceUid !== b.studyInstanceUid) throw found("study", "in one", "in another");
}

function assertNoTilt(slices: readonly DicomInstance[], normal: Vec3, subject: string): void {
  const origin = slices[0]?.positionLps ?? [0, 0, 0];
  for (const { positionLps: p } of slices) {
    const way: Vec3 = [p[0] - origin[0], p[1] - origin[1], p[2] - origin[2]];
    const depth = dot(way, normal);
    const drift = norm([way[0] - depth * normal[0], way[1] - depth * normal[1], way[2] - depth * normal[2]]);
    if (drift <= Math.max(DRIFT_MM, DRIFT * depth)) continue;
    const degrees = (Math.atan2(drift, depth) * 180) / Math.PI;
    throw new PipelineError(
      "SeriesIrregular",
      `${subject} is tilted: slices shift sideways by ${drift.toFixed(2)} mm over ${depth.toFixed(2)} mm (a gantry tilt of ${degrees.toFixed(1)} degrees), expected them one above the other`,
    );
  }
}

function assertRegular(steps: readonly number[], subject: string): void {
  const median = lowerMedian(steps);
  const large = steps.filter((step) => step >= GAP_FACTOR * median);
  const isOff = (step: number) => Math.abs(step - median) > Math.max(STEP_TOLERANCE_MM, STEP_TOLERANCE * median);
  // Where large steps are common they are a second spacing and not slices that got lost.
  const isSecondSpacing = large.length > 1 && large.length * 4 > steps.length;
  if (large.length > 0 && !isSecondSpacing) {
    const found = Math.max(...large).toFixed(2);
    const gaps = large.length === 1 ? "a gap" : `${large.length} gaps`;
    throw new PipelineError(
      "SeriesGap",
      `${subject} has ${gaps} in ${steps.length} steps: ${found} mm found, ${median.toFixed(2)} mm expected`,
      { details: { steps: large.length, expectedMm: median } },
    );
  }
  const off = steps.filter(isOff).length;
  if (off > 0) {
    const [low, high] = [Math.min(...steps).toFixed(2), Math.max(...steps).toFixed(2)];
    throw new PipelineError(
      "SeriesIrregular",
      `${subject} has ${off} of ${steps.length} steps off its spacing: ${low} to ${high} mm found, ${median.toFixed(2)} mm expected`,
    );
  }
}

function gridOf(slices: readonly DicomInstance[], steps: readonly number[]): Omit<SeriesGeometry, "slices"> {
  const first = slices[0];
  const last = slices.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("a series needs at least one instance");
  const [row, column] = directions(first);
  const [betweenRows, betweenColumns] = first.pixelSpacingMm;
  const warnings: ScanWarning[] = [];
  let step: Vec3;
  if (slices.length === 1) {
    const thickness = first.sliceThicknessMm ?? first.spacingBetweenSlicesMm;
    if (thickness === null) {
      const message = "a single slice does not say how thick it is; 1 mm was assumed";
      warnings.push({ code: "SpacingUnknown", message });
    }
    step = times(cross(row, column), thickness ?? 1);
  } else {
    const way = first.positionLps.map((from, axis) => (last.positionLps[axis] ?? 0) - from) as unknown as Vec3;
    step = times(way, 1 / (slices.length - 1));
    warnings.push(...spacingTagWarnings(first.spacingBetweenSlicesMm, lowerMedian(steps)));
  }
  const affineLps = affineFromColumns(times(row, betweenColumns), times(column, betweenRows), step, first.positionLps);
  const grid: Grid = {
    size: [first.pixels.columns, first.pixels.rows, slices.length],
    affineRas: flipLps(affineLps),
    spacingMm: [betweenColumns, betweenRows, norm(step)],
  };
  return { grid, warnings };
}

/** De-identification tools are known to give every file a frame of its own; positions still tell the truth. */
function frameOfReferenceWarnings(slices: readonly DicomInstance[]): ScanWarning[] {
  const frames = new Set(slices.map((slice) => slice.frameOfReferenceUid)).size;
  if (frames === 1) return [];
  const message = `the slices name ${frames} frames of reference; their positions were taken as of one`;
  return [{ code: "FrameOfReferenceMixed", message }];
}

function spacingTagWarnings(tagMm: number | null, medianMm: number): ScanWarning[] {
  if (tagMm === null || Math.abs(tagMm - medianMm) <= Math.max(STEP_TOLERANCE_MM, STEP_TOLERANCE * medianMm)) return [];
  const message = `the header says ${tagMm.toFixed(2)} mm between slices, the positions ${medianMm.toFixed(2)} mm; the positions were used`;
  return [{ code: "SpacingTagIgnored", message }];
}

/** Unit directions of a row (x) and of a column (y), in LPS. */
function directions(instance: DicomInstance): readonly [Vec3, Vec3] {
  const [a = 1, b = 0, c = 0, d = 0, e = 1, f = 0] = instance.orientationLps;
  return [times([a, b, c], 1 / Math.hypot(a, b, c)), times([d, e, f], 1 / Math.hypot(d, e, f))];
}

function normalOf(instance: DicomInstance): Vec3 {
  const normal = cross(...directions(instance));
  return times(normal, 1 / norm(normal));
}

function lowerMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}

function times(v: Vec3, factor: number): Vec3 {
  return [v[0] * factor, v[1] * factor, v[2] * factor];
}
