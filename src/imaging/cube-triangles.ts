/** The faces of a cell, each with its corners counterclockwise when seen from outside. */
const FACES = [
  [0, 4, 6, 2],
  [1, 3, 7, 5],
  [0, 1, 5, 4],
  [2, 6, 7, 3],
  [0, 2, 3, 1],
  [4, 5, 7, 6],
] as const;

/**
 * The surface inside a cell for each of the 256 ways that its eight corners can lie inside (bit set) or outside: the
 * edges whose middles are the vertices, three a triangle. Corners: bit 0 is x, bit 1 is y, bit 2 is z. An edge is named
 * 3 * its lower corner + its axis.
 *
 * Where inside corners meet over the diagonal of a face only, they are kept apart, in both cells of that face alike: so
 * the surface has no holes. No triangle has a diagonal that lies in a face, where the next cell could have the same one.
 * So every edge has exactly two triangles. Triangles are counterclockwise when seen from outside. Marching cubes
 * (Lorensen and Cline 1987) with the table made by rule.
 */
export function cubeTriangles(): readonly (readonly number[])[] {
  return Array.from({ length: 256 }, (_, code) => loopsOf(code).flatMap(fanOf));
}

/** Edges that the surface crosses, in the order in which it goes around. */
function loopsOf(code: number): number[][] {
  const next = new Map<number, number>();
  const isInside = (corner: number): boolean => ((code >> corner) & 1) === 1;
  for (const face of FACES) {
    for (let n = 0; n < 4; n++) {
      if (!isInside(face[n]) || isInside(face[(n + 3) % 4])) continue;
      // A run of inside corners starts here.
      let end = n;
      while (isInside(face[(end + 1) % 4])) end++;
      next.set(edgeBetween(face[(n + 3) % 4], face[n]), edgeBetween(face[end % 4], face[(end + 1) % 4]));
    }
  }
  const loops: number[][] = [];
  for (const start of [...next.keys()].sort((a, b) => a - b)) {
    const loop: number[] = [];
    for (let edge = next.get(start); edge !== undefined; edge = next.get(edge)) {
      loop.push(edge);
      next.delete(loop.length === 1 ? start : (loop[loop.length - 2] ?? start));
    }
    if (loop.length > 0) loops.push(loop);
  }
  return loops;
}

/** A loop as a fan around one of its vertices that has no diagonal in a face: each loop that there is has one. */
function fanOf(loop: readonly number[]): number[] {
  const length = loop.length;
  for (let apex = 0; apex < length; apex++) {
    const at = (n: number): number => loop[(apex + n) % length];
    let isFree = true;
    for (let n = 2; n < length - 1; n++) if (shareFace(at(0), at(n))) isFree = false;
    if (!isFree) continue;
    const triangles: number[] = [];
    for (let n = 1; n < length - 1; n++) triangles.push(at(0), at(n), at(n + 1));
    return triangles;
  }
  throw new RangeError(`no fan for the edges ${loop.join(", ")}`);
}

function edgeBetween(a: number, b: number): number {
  return 3 * Math.min(a, b) + Math.log2(a ^ b);
}

function shareFace(a: number, b: number): boolean {
  return FACES.some((face) => liesIn(face, a) && liesIn(face, b));
}

function liesIn(face: readonly number[], edge: number): boolean {
  const corner = Math.floor(edge / 3);
  return face.includes(corner) && face.includes(corner + (1 << (edge % 3)));
}
