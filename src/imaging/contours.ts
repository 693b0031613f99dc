/** A closed polygon: x, y, x, y, … in pixels, where pixel (0, 0) has its centre at 0, 0; the last point joins the first. */
export type Polygon = readonly number[];

/** The smallest rectangle around a label: lowest and highest pixel along x and y. */
interface Extent {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** Steps of the four directions in which an edge can go; the next one is the turn to the left. */
const STEP_X = [1, 0, -1, 0] as const;
const STEP_Y = [0, 1, 0, -1] as const;

/**
 * Outlines of every label of a 2-D label map along the edges of its pixels: corners lie at half pixels, so that the
 * pixels whose centres are inside by the even-odd rule are those of the label, and the area is their number.
 *
 * Outer outlines turn from x to y (positive shoelace area), holes the other way. Pixels that touch only at a corner
 * belong to outlines of their own (4-connected labels, 8-connected holes). No three points in a row lie on a line. The
 * order is that of each outline's first corner: lowest y, then lowest x.
 *
 * @param labels `width` x `height`, x fastest; 0 is background and not traced
 * @returns outlines by label value
 */
export function labelContours(
  labels: Uint8Array | Uint16Array,
  width: number,
  height: number,
): ReadonlyMap<number, readonly Polygon[]> {
  if (labels.length !== width * height) {
    throw new RangeError(`labels must be ${width} x ${height} pixels, got ${labels.length}`);
  }
  const extents = labelExtents(labels, width);
  return new Map([...extents].map(([label, extent]) => [label, outlines(labels, width, label, extent)]));
}

function labelExtents(labels: Uint8Array | Uint16Array, width: number): Map<number, Extent> {
  const extents = new Map<number, Extent>();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (label === 0) continue;
    const x = i % width;
    const y = (i - x) / width;
    const extent = extents.get(label);
    if (extent === undefined) {
      extents.set(label, { x0: x, y0: y, x1: x, y1: y });
      continue;
    }
    if (x < extent.x0) extent.x0 = x;
    if (x > extent.x1) extent.x1 = x;
    extent.y1 = y;
  }
  return extents;
}

function outlines(labels: Uint8Array | Uint16Array, width: number, label: number, extent: Extent): Polygon[] {
  const columns = extent.x1 - extent.x0 + 2;
  const edges = directedEdges(labels, width, label, extent, columns);
  const found: Polygon[] = [];
  for (let start = 0; start < edges.length; start++) {
    // The first corner of an outline met in this order is its lowest, where it turns and no other outline passes.
    if (edges[start] !== 0) found.push(outlineFrom(start, edges, columns, extent));
  }
  return found;
}

/**
 * For each corner of the extent's pixels, a bit for each direction in which an edge leaves it. Every edge has the
 * label's pixel on its left (seen with x to the right and y up).
 */
function directedEdges(
  labels: Uint8Array | Uint16Array,
  width: number,
  label: number,
  { x0, y0, x1, y1 }: Extent,
  columns: number,
): Uint8Array {
  const edges = new Uint8Array(columns * (y1 - y0 + 2));
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const i = x + width * y;
      if (labels[i] !== label) continue;
      const corner = x - x0 + columns * (y - y0);
      if (y === y0 || labels[i - width] !== label) setBit(edges, corner, 0);
      if (x === x1 || labels[i + 1] !== label) setBit(edges, corner + 1, 1);
      if (y === y1 || labels[i + width] !== label) setBit(edges, corner + columns + 1, 2);
      if (x === x0 || labels[i - 1] !== label) setBit(edges, corner + columns, 3);
    }
  }
  return edges;
}

function setBit(edges: Uint8Array, at: number, direction: number): void {
  edges[at] = (edges[at] as number) | (1 << direction);
}

/** Follows one outline back to its start, taking its edges away. */
function outlineFrom(start: number, edges: Uint8Array, columns: number, { x0, y0 }: Extent): Polygon {
  const points: number[] = [];
  let corner = start;
  let direction = -1;
  do {
    const left = (direction + 1) & 3;
    const leaving = edges[corner] as number;
    // To the left where two edges leave: round the same pixel, and not over to the one across the corner.
    const next = direction >= 0 && (leaving >> left) & 1 ? left : lowestBit(leaving);
    if (next !== direction) points.push((corner % columns) + x0 - 0.5, Math.floor(corner / columns) + y0 - 0.5);
    edges[corner] = leaving & ~(1 << next);
    direction = next;
    corner += (STEP_X[direction] as number) + columns * (STEP_Y[direction] as number);
  } while (corner !== start);
  return points;
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
