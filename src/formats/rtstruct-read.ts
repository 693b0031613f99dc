import dicomParser, { type DataSet } from "dicom-parser";
import { PipelineError } from "#src/core/errors.js";
import type { Vec3 } from "#src/imaging/affine.js";
import { textOf } from "./dicom-file.js";

/** One ROI of a structure set as its contours place it. */
interface RoiGeometry {
  /** ROI Number. */
  readonly number: number;
  /** Sum over all planes. */
  readonly areaMm2: number;
  /** Area times the distance between slices. */
  readonly volumeMm3: number;
  /** Mean of the planes' centroids, weighted with their areas; null when it has none. */
  readonly centroidRasMm: Vec3 | null;
}

/** A contour in LPS, and the normal round which it turns by the right-hand rule. */
interface Contour {
  readonly points: readonly Vec3[];
  readonly areaMm2: number;
  readonly centroidLps: Vec3;
  readonly normal: Vec3;
}

/** Contours less than this apart along their normal lie in one plane. */
const SAME_PLANE_MM = 0.001;

/**
 * Size and place of every ROI of an RT Structure Set, by the shoelace formula in each contour's own plane. Contours of
 * one plane count by the even-odd rule, whichever way they turn: one within an odd number of others is a hole. Shares
 * nothing with the writer: it is the proof that what was written lies where it should.
 *
 * @param stepMm distance between slices, which a structure set does not say
 * @returns in the order of ROI numbers
 * @throws {PipelineError} ResultInvalid when the object is no structure set or has other contours than closed planar
 */
export function readRtStructGeometry(bytes: Uint8Array, stepMm: number): RoiGeometry[] {
  return reading(() => {
    const dataSet = dicomParser.parseDicom(bytes);
    const contours = new Map(itemsOf(dataSet, "x30060039").map((item) => [numberOf(item, "x30060084"), item]));
    return itemsOf(dataSet, "x30060020")
      .map((roi) => numberOf(roi, "x30060022"))
      .toSorted((a, b) => a - b)
      .map((number) => measured(number, contours.get(number), stepMm));
  });
}

/** The contours of one ROI as they are written. */
export interface RoiContours {
  /** ROI Number. */
  readonly number: number;
  /** Corners of each, RAS millimetres; the last is joined to the first. */
  readonly contours: readonly (readonly Vec3[])[];
}

/**
 * The contours of every ROI of an RT Structure Set.
 *
 * @returns in the order of ROI numbers
 * @throws {PipelineError} as `readRtStructGeometry`
 */
export function readRtStructContours(bytes: Uint8Array): RoiContours[] {
  return reading(() => {
    const dataSet = dicomParser.parseDicom(bytes);
    const byNumber = new Map(itemsOf(dataSet, "x30060039").map((item) => [numberOf(item, "x30060084"), item]));
    return itemsOf(dataSet, "x30060020")
      .map((roi) => numberOf(roi, "x30060022"))
      .toSorted((a, b) => a - b)
      .map((number) => {
        const roi = byNumber.get(number);
        const contours = roi === undefined ? [] : itemsOf(roi, "x30060040").map(contourOf);
        return { number, contours: contours.map(({ points }) => points.map(([x, y, z]): Vec3 => [-x, -y, z])) };
      });
  });
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof PipelineError && cause.code === "ResultInvalid") throw cause;
    // dicom-parser throws bare strings and objects, while parsing and while reading values.
    throw new PipelineError("ResultInvalid", "the RT structure set cannot be parsed", {
      cause: cause instanceof Error ? cause : new Error("dicom-parser gave up", { cause }),
    });
  }
}

function measured(number: number, roi: DataSet | undefined, stepMm: number): RoiGeometry {
  if (roi === undefined) throw invalid(`lists ROI ${number} but not its contours`);
  const sum: [number, number, number] = [0, 0, 0];
  let areaMm2 = 0;
  for (const plane of planesOf(itemsOf(roi, "x30060040").map(contourOf))) {
    for (const contour of plane) {
      const inside = plane.filter((other) => other !== contour && contains(other, contour)).length;
      const signed = inside % 2 === 0 ? contour.areaMm2 : -contour.areaMm2;
      areaMm2 += signed;
      for (const axis of [0, 1, 2] as const) sum[axis] += signed * contour.centroidLps[axis];
    }
  }
  return {
    number,
    areaMm2,
    volumeMm3: areaMm2 * stepMm,
    centroidRasMm: areaMm2 > 0 ? [-sum[0] / areaMm2, -sum[1] / areaMm2, sum[2] / areaMm2] : null,
  };
}

function contourOf(item: DataSet): Contour {
  if (textOf(item, "x30060042") !== "CLOSED_PLANAR") throw invalid("has a contour that is not closed planar");
  const values = (textOf(item, "x30060050") ?? "").split("\\").map(Number);
  const count = numberOf(item, "x30060046");
  if (values.length !== 3 * count || count < 3 || !values.every(Number.isFinite)) {
    throw invalid(`has a contour of ${values.length} coordinates, expected three for each of ${count} points`);
  }
  const points = Array.from({ length: count }, (_, p) => vec3(values, 3 * p));
  return { points, ...shoelace(points) };
}

/** Triangles from the first point: their areas along the contour's normal, and their centroids weighted with these. */
function shoelace(points: readonly Vec3[]): Omit<Contour, "points"> {
  const from = points[0] ?? [0, 0, 0];
  const triangles = points.slice(1, -1).map((a, p) => {
    const b = points[p + 2] ?? from;
    return { vector: cross(minus(a, from), minus(b, from)), a, b };
  });
  const total = triangles.reduce<Vec3>((sum, { vector }) => plus(sum, vector), [0, 0, 0]);
  const length = Math.hypot(...total);
  if (length === 0) throw invalid("has a contour without area");
  const normal = times(total, 1 / length);
  const centroid = triangles.reduce<Vec3>(
    (sum, { vector, a, b }) => {
      const middle = times(plus(plus(from, a), b), 1 / 3);
      return plus(sum, times(middle, dot(vector, normal) / length));
    },
    [0, 0, 0],
  );
  return { areaMm2: length / 2, centroidLps: centroid, normal };
}

/** Contours by plane: by how far along the first contour's normal they lie. */
function planesOf(contours: readonly Contour[]): Contour[][] {
  const normal = contours[0]?.normal ?? [0, 0, 1];
  const sorted = contours
    .map((contour) => ({ contour, depth: dot(contour.centroidLps, normal) }))
    .toSorted((a, b) => a.depth - b.depth);
  const planes: Contour[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const { contour, depth } of sorted) {
    if (depth - last > SAME_PLANE_MM) planes.push([]);
    planes.at(-1)?.push(contour);
    last = depth;
  }
  return planes;
}

/** Whether one contour lies in another, where their edges do not cross: by the middle of an edge, corners may touch. */
function contains(outer: Contour, inner: Contour): boolean {
  const [first = [0, 0, 0], second = first] = inner.points;
  const middle = times(plus(first, second), 0.5);
  // Any two axes do but those along which the plane is seen from its edge.
  const [u, v] = axesAcross(outer.normal);
  let isInside = false;
  let a = outer.points.at(-1) ?? middle;
  for (const b of outer.points) {
    const isCrossed = a[v] > middle[v] !== b[v] > middle[v];
    if (isCrossed && middle[u] < a[u] + ((middle[v] - a[v]) * (b[u] - a[u])) / (b[v] - a[v])) isInside = !isInside;
    a = b;
  }
  return isInside;
}

function axesAcross([x, y, z]: Vec3): readonly [0 | 1 | 2, 0 | 1 | 2] {
  const [ax, ay, az] = [Math.abs(x), Math.abs(y), Math.abs(z)];
  if (az >= ax && az >= ay) return [0, 1];
  return ay >= ax ? [0, 2] : [1, 2];
}

function numberOf(dataSet: DataSet, tag: string): number {
  const value = dataSet.intString(tag);
  if (value === undefined || !Number.isInteger(value)) throw invalid(`has no whole number in ${tag}`);
  return value;
}

function itemsOf(dataSet: DataSet, tag: string): DataSet[] {
  return (dataSet.elements[tag]?.items ?? []).flatMap((item) => (item.dataSet === undefined ? [] : [item.dataSet]));
}

function vec3(values: readonly number[], at: number): Vec3 {
  return [values[at] ?? 0, values[at + 1] ?? 0, values[at + 2] ?? 0];
}

function plus(a: Vec3, b: Vec3): Vec3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

function minus(a: Vec3, b: Vec3): Vec3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

function times(a: Vec3, factor: number): Vec3 {
  return [a[0] * factor, a[1] * factor, a[2] * factor];
}

function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the RT structure set ${what}`);
}
