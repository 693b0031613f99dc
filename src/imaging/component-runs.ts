import type { Size3 } from "./affine.js";

/** Which voxels touch: by face (6), also by edge (18), also by corner (26); 4: by edge of the pixel within a slice. */
export type Connectivity = 4 | 6 | 18 | 26;

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
}

/** Rows before this one that it may touch: steps in y and z, and how far past a run's end the neighbour may begin. */
type RowStep = readonly [dy: number, dz: number, reach: 0 | 1];

const ROW_STEPS: Readonly<Record<Connectivity, readonly RowStep[]>> = {
  4: [[-1, 0, 0]],
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

/**
 * Connected components of the voxels that are set (or of those that are zero), by union-find over runs. Time is
 * linear in the voxels; the numbering depends on nothing but the mask.
 *
 * @param zeros components of the zero voxels instead of the others
 */
export function componentRuns(mask: Uint8Array, size: Size3, connectivity: Connectivity, zeros = false): ComponentRuns {
  const [nx, ny, nz] = size;
  if (mask.length !== nx * ny * nz)
    throw new RangeError(`mask has ${mask.length} voxels, expected ${size.join(" x ")}`);
  const { first, length, rowStart } = findRuns(mask, nx, ny * nz, zeros);

  const parent = new Int32Array(first.length);
  for (let run = 0; run < parent.length; run++) parent[run] = run;
  for (const [dy, dz, reach] of ROW_STEPS[connectivity]) {
    for (let z = -dz; z < nz; z++) {
      for (let y = Math.max(0, -dy); y < ny - Math.max(0, dy); y++) {
        const row = y + ny * z;
        joinRows(row, row + dy + ny * dz, nx, reach, first, length, rowStart, parent);
      }
    }
  }

  let count = 0;
  const component = new Int32Array(parent.length);
  for (let run = 0; run < parent.length; run++) {
    // A root is the first run of its component, so it has its number before any other run asks for it.
    const root = rootOf(parent, run);
    component[run] = root === run ? count++ : component[root];
  }
  return { first, length, component, count };
}

/** Voxels in each component. */
export function componentSizes(runs: ComponentRuns): Uint32Array {
  const sizes = new Uint32Array(runs.count);
  for (let run = 0; run < runs.first.length; run++) sizes[runs.component[run]] += runs.length[run];
  return sizes;
}

function findRuns(mask: Uint8Array, nx: number, rows: number, zeros: boolean) {
  let total = 0;
  for (let row = 0; row < rows; row++) {
    let inside = false;
    for (let i = row * nx; i < (row + 1) * nx; i++) {
      const set = (mask[i] === 0) === zeros;
      if (set && !inside) total++;
      inside = set;
    }
  }

  const first = new Int32Array(total);
  const length = new Int32Array(total);
  const rowStart = new Int32Array(rows + 1);
  let run = 0;
  for (let row = 0; row < rows; row++) {
    rowStart[row] = run;
    const end = (row + 1) * nx;
    let i = row * nx;
    while (i < end) {
      while (i < end && (mask[i] === 0) !== zeros) i++;
      if (i === end) break;
      first[run] = i;
      while (i < end && (mask[i] === 0) === zeros) i++;
      length[run] = i - first[run];
      run++;
    }
  }
  rowStart[rows] = run;
  return { first, length, rowStart };
}

/** Unites the runs of two rows that overlap along x, or nearly (`reach`): one walk through both rows. */
function joinRows(
  row: number,
  other: number,
  nx: number,
  reach: number,
  first: Int32Array,
  length: Int32Array,
  rowStart: Int32Array,
  parent: Int32Array,
): void {
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
    if (startA < stopB + reach && startB < stopA + reach) unite(parent, a, b);
    if (stopA < stopB) a++;
    else b++;
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
