import {
  type Affine,
  affineColumn,
  affineDeterminant,
  composeAffine,
  invertAffine,
  norm,
  type Size3,
} from "./affine.js";
import { type VoxelArray, voxelCount } from "./volume.js";

/** Three letters: the direction in which x, y and z grow. R/L right or left, A/P front or back, S/I head or feet. */
export type Orientation = string;

type Axis = 0 | 1 | 2;
type Triple<T> = readonly [T, T, T];

/** A change of axes without resampling: which source axis each new axis is, and whether it runs backwards. */
export interface Reorientation {
  /** Source axis of the new x, y, z. */
  readonly axes: Triple<Axis>;
  /** Whether the new x, y, z run against the source axis. */
  readonly flips: Triple<boolean>;
  readonly sourceSize: Size3;
  readonly sourceAffine: Affine;
  readonly size: Size3;
  readonly affine: Affine;
}

const LETTERS: Triple<string> = ["LR", "PA", "IS"];

/** A world axis with the sign in which it is followed. */
interface Direction {
  readonly world: Axis;
  readonly negative: boolean;
}

/**
 * The nearest axis code of an affine in RAS millimetres, as nibabel's `aff2axcodes`: the closest orthogonal matrix
 * decides, so that shear and unequal spacing do not; the voxel axis that fits best chooses first.
 *
 * @throws {RangeError} when the affine flattens space
 */
export function orientationOf(affine: Affine): Orientation {
  return directionsOf(affine)
    .map(({ world, negative }) => LETTERS[world][negative ? 0 : 1])
    .join("");
}

/**
 * How to bring a grid to an orientation by swapping and reversing axes.
 *
 * @param target three letters such as "RAS"
 * @throws {RangeError} for letters that do not name each world axis once, or an affine that flattens space
 */
export function planReorientation(affine: Affine, size: Size3, target: Orientation): Reorientation {
  const source = directionsOf(affine);
  const wanted = parseOrientation(target);
  const axes = wanted.map(({ world }) => source.findIndex((direction) => direction.world === world));
  const picked = axes as unknown as Triple<Axis>;
  const flips = wanted.map(({ negative }, n) => negative !== source[picked[n]].negative) as unknown as Triple<boolean>;
  return {
    axes: picked,
    flips,
    sourceSize: size,
    sourceAffine: affine,
    size: [size[picked[0]], size[picked[1]], size[picked[2]]],
    affine: composeAffine(affine, indexMap(picked, flips, size)),
  };
}

/** The same change of axes, and then the axes in another order. @param order which of its axes the new x, y, z are */
export function permuteAxes(r: Reorientation, order: Triple<Axis>): Reorientation {
  const [x, y, z] = order;
  const axes: Triple<Axis> = [r.axes[x], r.axes[y], r.axes[z]];
  const flips: Triple<boolean> = [r.flips[x], r.flips[y], r.flips[z]];
  return {
    ...r,
    axes,
    flips,
    size: [r.size[x], r.size[y], r.size[z]],
    affine: composeAffine(r.sourceAffine, indexMap(axes, flips, r.sourceSize)),
  };
}

/** A change of axes that changes none: the start for `permuteAxes` where voxels stay as they are stored. */
export function keepAxes(affine: Affine, size: Size3): Reorientation {
  return { axes: [0, 1, 2], flips: [false, false, false], sourceSize: size, sourceAffine: affine, size, affine };
}

/** The way back: applied after `r` it gives the source again, voxel for voxel. */
export function invertReorientation(r: Reorientation): Reorientation {
  const axes = [0, 1, 2].map((axis) => r.axes.indexOf(axis as Axis)) as unknown as Triple<Axis>;
  return {
    axes,
    flips: [r.flips[axes[0]], r.flips[axes[1]], r.flips[axes[2]]],
    sourceSize: r.size,
    sourceAffine: r.affine,
    size: r.sourceSize,
    affine: r.sourceAffine,
  };
}

/**
 * Voxels in the new order of axes. Always a new array.
 *
 * @param size voxels along x, y, z of `data`; that of the plan
 * @throws {RangeError} when the size is not the plan's or the array's
 */
export function reorient<T extends VoxelArray>(data: T, size: Size3, r: Reorientation): T {
  if (size.join() !== r.sourceSize.join()) {
    throw new RangeError(`reorientation is for ${r.sourceSize.join(" x ")} voxels, got ${size.join(" x ")}`);
  }
  if (data.length !== voxelCount(size)) {
    throw new RangeError(`volume has ${data.length} voxels, expected ${size.join(" x ")}`);
  }
  // A copy of the array is the one way to make "the same kind of array" that type-checks.
  const out = data.slice() as T;
  const strides = [1, size[0], size[0] * size[1]];
  const [sx, sy, sz] = r.axes.map((axis, n) => (r.flips[n] ? -strides[axis] : strides[axis]));
  let origin = 0;
  for (let n = 0; n < 3; n++) if (r.flips[n]) origin += (r.size[n] - 1) * strides[r.axes[n]];

  const [nx, ny, nz] = r.size;
  if (sx === 1 && sy === nx && sz === nx * ny) return out;
  let to = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      let from = origin + y * sy + z * sz;
      for (let x = 0; x < nx; x++) {
        out[to++] = data[from];
        from += sx;
      }
    }
  }
  return out;
}

/** New voxel index to source voxel index. */
function indexMap(axes: Triple<Axis>, flips: Triple<boolean>, size: Size3): Affine {
  const map = new Array<number>(12).fill(0);
  for (let n = 0; n < 3; n++) {
    const row = axes[n] * 4;
    map[row + n] = flips[n] ? -1 : 1;
    map[row + 3] = flips[n] ? size[axes[n]] - 1 : 0;
  }
  return map as unknown as Affine;
}

function parseOrientation(code: Orientation): Direction[] {
  const directions = [...code].map((letter): Direction => {
    const world = LETTERS.findIndex((pair) => pair.includes(letter));
    return { world: world as Axis, negative: LETTERS[world]?.[0] === letter };
  });
  const named = directions.map(({ world }) => world).sort();
  if (named.join() !== "0,1,2") {
    throw new RangeError(`orientation must name each of R/L, A/P and S/I once, got ${code}`);
  }
  return directions;
}

/** World direction of each voxel axis; the axis that is closest to a world axis chooses first. */
function directionsOf(affine: Affine): Direction[] {
  const rotation = nearestOrthogonal(affine);
  const strength = (axis: Axis): number => Math.max(...affineColumn(rotation, axis).map((v) => v * v));
  // Sorting is stable: of equally good axes the first chooses first, as in nibabel.
  const order = ([0, 1, 2] as Axis[]).sort((a, b) => strength(b) - strength(a));

  const free = new Set<Axis>([0, 1, 2]);
  const found = new Array<Direction>(3);
  for (const axis of order) {
    const column = affineColumn(rotation, axis);
    let world: Axis | undefined;
    for (const candidate of free) {
      if (world === undefined || Math.abs(column[candidate]) > Math.abs(column[world])) world = candidate;
    }
    free.delete(world as Axis);
    found[axis] = { world: world as Axis, negative: column[world as Axis] < 0 };
  }
  return found;
}

/** The orthogonal matrix closest to the affine's directions, by Newton's iteration X <- (X + X^-T) / 2 (Higham 1986). */
function nearestOrthogonal(affine: Affine): Affine {
  const lengths = [0, 1, 2].map((axis) => norm(affineColumn(affine, axis as Axis)));
  const unit = affine.map((value, i) => (i % 4 === 3 ? 0 : value / lengths[i % 4])) as unknown as Affine;
  const det = affineDeterminant(unit);
  if (!(Math.abs(det) > 1e-9)) throw new RangeError(`affine has no orientation: its axes lie in a plane`);

  let x = unit;
  for (let step = 0; step < 60; step++) {
    const inverse = invertAffine(x);
    const next = x.map((value, i) => (i % 4 === 3 ? 0 : (value + inverse[(i % 4) * 4 + (i >> 2)]) / 2));
    const change = Math.max(...next.map((value, i) => Math.abs(value - x[i])));
    x = next as unknown as Affine;
    if (change < 1e-14) break;
  }
  return x;
}
