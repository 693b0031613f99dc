import { applyAffine, spacingOfAffine, type Vec3 } from "#src/imaging/affine.js";
import { planReorientation, type Reorientation } from "#src/imaging/orient.js";
import type { Grid, VoxelArray } from "#src/imaging/volume.js";

export const PLANES = ["axial", "coronal", "sagittal"] as const;
export type Plane = (typeof PLANES)[number];

/**
 * Directions in which a picture grows to the right, downwards and from slice to slice. Radiological convention: the
 * patient's right is on the left, the front (axial, sagittal) or the head (coronal) is up.
 */
const DIRECTIONS: Readonly<Record<Plane, string>> = { axial: "LPS", coronal: "LIP", sagittal: "PIL" };
const OPPOSITE: Readonly<Record<string, string>> = { R: "L", L: "R", A: "P", P: "A", S: "I", I: "S" };

/** How a volume is seen in one plane, whatever the order of its axes in memory. */
export interface View {
  readonly plane: Plane;
  /** The plane in the patient, or the stored axes to the right and downwards, as "plane x-y", where the image has none. */
  readonly name: string;
  /** Number of voxels to the right, downwards and through the slices. */
  readonly size: Vec3;
  /** Distance of their centres; in units of a voxel where the source gives no spacing. */
  readonly spacing: Vec3;
  /** Letters of the patient's directions at the four edges; null where the image does not say how it lies. */
  readonly edges: Edges | null;
  readonly reorientation: Reorientation;
  readonly hasSpacing: boolean;
}

export interface Edges {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
}

/** Part of a slice, in voxels: half-open ranges to the right and downwards. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** @param isOriented whether the axes of `grid` are the patient's, and not a guess */
export function viewOf(grid: Grid, plane: Plane, isOriented: boolean): View {
  const directions = DIRECTIONS[plane];
  const reorientation = planReorientation(grid.affineRas, grid.size, directions);
  const [right = "", bottom = ""] = directions;
  const [across, down] = reorientation.axes;
  return {
    plane,
    name: isOriented ? plane : `plane ${"xyz"[across]}-${"xyz"[down]}`,
    size: reorientation.size,
    spacing: grid.spacingMm === null ? [1, 1, 1] : spacingOfAffine(reorientation.affine),
    edges: isOriented ? { left: OPPOSITE[right] ?? "", right, top: OPPOSITE[bottom] ?? "", bottom } : null,
    reorientation,
    hasSpacing: grid.spacingMm !== null,
  };
}

/** One slice of `data`, as the view shows it: row by row from the top left. The source is read in place. */
export function sliceOf<T extends VoxelArray>(data: T, view: View, index: number): T {
  const { axes, flips, sourceSize } = view.reorientation;
  const [width, height] = view.size;
  const strides = [1, sourceSize[0], sourceSize[0] * sourceSize[1]];
  const along = (n: 0 | 1 | 2) => strides[axes[n]] ?? 0;
  const first = (n: 0 | 1 | 2) => (flips[n] ? ((sourceSize[axes[n]] ?? 1) - 1) * along(n) : 0);
  const step = (n: 0 | 1 | 2) => (flips[n] ? -along(n) : along(n));

  // A copy of a part of the array is the one way to make "the same kind of array" that type-checks.
  const out = data.slice(0, width * height) as T;
  const origin = first(0) + first(1) + first(2) + index * step(2);
  const [right, downwards] = [step(0), step(1)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) out[x + width * y] = data[origin + x * right + y * downwards] ?? 0;
  }
  return out;
}

/**
 * Where a slice lies, as "S34": the letter of the side of the origin and the distance of its centre in mm; its number
 * where the image has no place or no spacing, and nothing where it is then the only one.
 */
export function slicePosition(view: View, index: number): string {
  if (view.edges === null && view.size[2] === 1) return "";
  if (view.edges === null || !view.hasSpacing) return String(index + 1);
  const [width, height] = view.size;
  const centre = applyAffine(view.reorientation.affine, [(width - 1) / 2, (height - 1) / 2, index]);
  const [axis, letters] = ({ axial: [2, "SI"], coronal: [1, "AP"], sagittal: [0, "RL"] } as const)[view.plane];
  const mm = Math.round(centre[axis]);
  return `${mm >= 0 ? letters[0] : letters[1]}${Math.abs(mm)}`;
}
