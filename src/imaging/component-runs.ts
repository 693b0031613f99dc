import type { Size3 } from "./affine.js";

/**
 * Which voxels touch. In the volume: by face (6), also by edge (18), also by corner (26). Within each slice along z on
 * its own: by edge of the pixel (4), also by its corner (8).
 */
export type Connectivity = 4 | 8 | 6 | 18 | 26;

/**
 * Group of every value of a label map, at the value's index; voxels of group 0 are left out. Components never span two
 * groups, so one walk finds those of every label.
 */
export type ValueGroups = Uint16Array;

/** One group of everything that is not zero. */
export const NONZERO: ValueGroups = new Uint16Array(65_536).fill(1, 1);
/** One group of the zeros. */
export const ZEROS: ValueGroups = new Uint16Array(65_536).fill(1, 0, 1);

/**
 * Voxels as runs along x, and which runs belong together. Everything about components is done on runs: there are
 * far fewer of them than voxels.
 */
export interface ComponentRuns {
  /** First voxel of each run, as an index into the volume; runs are in scan order. */
  readonly first: Int32Array;
  /** Voxels of each run. */
  readonly length: Int32Array;
  /** Component of each run, from 0, numbered in the order in which a scan meets them. */
  readonly component: Int32Array;
  /** Number of components. */
  readonly count: number;
  /** Group of each component, from 1. */
  readonly group: Uint16Array;
}

/** Rows before this one that it may touch: steps in y and z, and how far past a run's end the neighbour may begin. */
type RowStep = readonly [dy: number, dz: number, reach: 0 | 1];

const ROW_STEPS: Readonly<Record<Connectivity, readonly RowStep[]>> = {
  4: [[-1, 0, 0]],
  8: [[-1, 0, 1]],
  6: [
    [-1, 0, 0],
    [0, -1, 0],
  ],
  18: [
    [-1, 0, 1],
    [0, -1, 1],
    [-1, -1, 0],
    [1, -1, 0],
  ],
  26: [
    [-1, 0, 1],
    [0, -1, 1],
    [-1, -1, 1],
    [1, -1, 1],
  ],
};

/** Runs while their components are not known yet. */
interface Runs {
  readonly first: Int32Array;
  readonly length: Int32Array;
  readonly group: Uint16Array;
  /** First run of each row of voxels, and the number of runs at the end. */
  readonly rowStart: Int32Array;
}

/**
 * Connected components of every group at once, by union-find over runs. Time is linear in the voxels and does not grow
 * with the number of labels; memory is 18 bytes a run. The numbering depends on nothing but the values.
 *
 * @param values label of every voxel, x fastest
 */
export function componentRuns(
  values: Uint8Array | Uint16Array,
  size: Size3,
  connectivity: Connectivity,
  groups: ValueGroups = NONZERO,
): ComponentRuns {
  const [nx, ny, nz] = size;
  if (values.length !== nx * ny * nz)
    throw new RangeError(`mask has ${values.length} voxels, expected ${size.join(" x ")}`);
  const runs = findRuns(values, nx, ny * nz, groups);

  const parent = new Int32Array(runs.first.length);
  for (let run = 0; run < parent.length; run++) parent[run] = run;
  for (const [dy, dz, reach] of ROW_STEPS[connectivity]) {
    for (let z = -dz; z < nz; z++) {
      for (let y = Math.max(0, -dy); y < ny - Math.max(0, dy); y++) {
        const row = y + ny * z;
        joinRows(row, row + dy + ny * dz, nx, reach, runs, parent);
      }
    }
  }

  let count = 0;
  // A root is the first run of its component, so it has its number before any other run asks for it.
  for (let run = 0; run < parent.length; run++) if (parent[run] === run) count++;
  const group = new Uint16Array(count);
  const component = new Int32Array(parent.length);
  let next = 0;
  for (let run = 0; run < parent.length; run++) {
    const root = rootOf(parent, run);
    if (root === run) {
      group[next] = runs.group[run];
      component[run] = next++;
    } else component[run] = component[root];
  }
  return { first: runs.first, length: runs.length, component, count, group };
}

/** Voxels in each component. */
export function componentSizes(runs: ComponentRuns): Uint32Array {
  const sizes = new Uint32Array(runs.count);
  for (let run = 0; run < runs.first.length; run++) sizes[runs.component[run]] += runs.length[run];
  return sizes;
}

function findRuns(values: Uint8Array | Uint16Array, nx: number, rows: number, groups: ValueGroups): Runs {
  const total = countRuns(values, nx, rows, groups);
  const first = new Int32Array(total);
  const length = new Int32Array(total);
  const group = new Uint16Array(total);
  const rowStart = new Int32Array(rows + 1);
  let run = 0;
  for (let row = 0; row < rows; row++) {
    rowStart[row] = run;
    const end = (row + 1) * nx;
    let current = 0;
    for (let i = row * nx; i < end; ) {
      const from = i;
      const value = values[i++];
      while (i < end && values[i] === value) i++;
      const found = groups[value];
      if (found !== 0 && found === current) length[run - 1] += i - from;
      else if (found !== 0) {
        first[run] = from;
        length[run] = i - from;
        group[run++] = found;
      }
      current = found;
    }
  }
  rowStart[rows] = run;
  return { first, length, group, rowStart };
}

function countRuns(values: Uint8Array | Uint16Array, nx: number, rows: number, groups: ValueGroups): number {
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const end = (row + 1) * nx;
    let current = 0;
    for (let i = row * nx; i < end; ) {
      const value = values[i++];
      while (i < end && values[i] === value) i++;
      const found = groups[value];
      if (found !== 0 && found !== current) total++;
      current = found;
    }
  }
  return total;
}

/** Unites the runs of two rows that overlap along x, or nearly (`reach`): one walk through both rows. */
function joinRows(row: number, other: number, nx: number, reach: number, runs: Runs, parent: Int32Array): void {
  const { first, length, group, rowStart } = runs;
  const shift = (row - other) * nx;
  let a = rowStart[row];
  let b = rowStart[other];
  const endA = rowStart[row + 1];
  const endB = rowStart[other + 1];
  while (a < endA && b < endB) {
    const startA = first[a];
    const startB = first[b] + shift;
    const stopA = startA + length[a];
    const stopB = startB + length[b];
    if (group[a] === group[b] && startA < stopB + reach && startB < stopA + reach) unite(parent, a, b);
    if (stopA < stopB) {
      a++;
      continue;
    }
    // Two runs that end together: the next one here may still touch the other by its corner.
    const touchesNext = stopA === stopB && reach === 1 && a + 1 < endA && first[a + 1] === stopA;
    if (touchesNext && group[a + 1] === group[b]) unite(parent, a + 1, b);
    b++;
  }
}

/** The earlier run becomes the root. */
function unite(parent: Int32Array, a: number, b: number): void {
  const rootA = rootOf(parent, a);
  const rootB = rootOf(parent, b);
  if (rootA < rootB) parent[rootB] = rootA;
  else if (rootB < rootA) parent[rootA] = rootB;
}

function rootOf(parent: Int32Array, run: number): number {
  let at = run;
  while (parent[at] !== at) {
    parent[at] = parent[parent[at]];
    at = parent[at];
  }
  return at;
}
