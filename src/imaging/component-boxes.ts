import type { Size3 } from "./affine.js";
import { type ComponentRuns, componentRuns } from "./component-runs.js";
import type { Box } from "./crop.js";

/** A box while it is found: first and last voxel along x, y, z. */
interface Span {
  readonly low: [number, number, number];
  readonly high: [number, number, number];
}

/**
 * Boxes around what each label asked for is made of, one label after the other. Components that a margin brings
 * together share a box; the boxes of one label, margin included, never overlap. So a step that looks no further than
 * the margin can work in them instead of in the volume, and specks far from an organ cost next to nothing.
 *
 * @param marginVox voxels around each component along x, y, z, cut at the volume's edges
 */
export function componentBoxes(
  labels: Uint8Array | Uint16Array,
  size: Size3,
  wanted: readonly number[],
  marginVox: Size3,
): ReadonlyMap<number, readonly Box[]> {
  const groups = new Uint16Array(65_536);
  for (const [n, label] of wanted.entries()) groups[label] = n + 1;
  const runs = componentRuns(labels, size, 26, groups);
  const spans = spansOf(runs, size);
  const byGroup = wanted.map((): Span[] => []);
  for (let c = 0; c < runs.count; c++) byGroup[runs.group[c] - 1].push(grown(spans[c], size, marginVox));
  return new Map(wanted.map((label, n) => [label, apart(byGroup[n], 2, 0).map(boxOf)]));
}

function spansOf(runs: ComponentRuns, [nx, ny, nz]: Size3): Span[] {
  const spans = Array.from({ length: runs.count }, (): Span => ({ low: [nx, ny, nz], high: [-1, -1, -1] }));
  for (let run = 0; run < runs.first.length; run++) {
    const { low, high } = spans[runs.component[run]];
    const x = runs.first[run] % nx;
    const row = Math.floor(runs.first[run] / nx);
    const y = row % ny;
    const z = Math.floor(row / ny);
    low[0] = Math.min(low[0], x);
    low[1] = Math.min(low[1], y);
    low[2] = Math.min(low[2], z);
    high[0] = Math.max(high[0], x + runs.length[run] - 1);
    high[1] = Math.max(high[1], y);
    high[2] = Math.max(high[2], z);
  }
  return spans;
}

function grown({ low, high }: Span, size: Size3, margin: Size3): Span {
  const from = (axis: 0 | 1 | 2): number => Math.max(0, low[axis] - margin[axis]);
  const to = (axis: 0 | 1 | 2): number => Math.min(size[axis] - 1, high[axis] + margin[axis]);
  return { low: [from(0), from(1), from(2)], high: [to(0), to(1), to(2)] };
}

/**
 * Parts spans wherever a plane along an axis goes between them, z first, until no axis parts them any more; what is
 * left together becomes one.
 *
 * @param stuck axes in a row that parted nothing
 */
function apart(spans: Span[], axis: number, stuck: number): Span[] {
  if (spans.length < 2) return spans;
  if (stuck === 3) return [spans.reduce(union)];
  const sorted = spans.sort((a, b) => a.low[axis] - b.low[axis]);
  const parts: Span[][] = [];
  let end = -1;
  for (const span of sorted) {
    if (span.low[axis] > end) parts.push([]);
    parts[parts.length - 1].push(span);
    end = Math.max(end, span.high[axis]);
  }
  const next = (axis + 2) % 3;
  return parts.flatMap((part) => apart(part, next, parts.length === 1 ? stuck + 1 : 0));
}

function union(a: Span, b: Span): Span {
  const low = (axis: 0 | 1 | 2): number => Math.min(a.low[axis], b.low[axis]);
  const high = (axis: 0 | 1 | 2): number => Math.max(a.high[axis], b.high[axis]);
  return { low: [low(0), low(1), low(2)], high: [high(0), high(1), high(2)] };
}

function boxOf({ low, high }: Span): Box {
  return { start: low, size: [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1] };
}
