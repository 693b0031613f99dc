import type { Size3 } from "#src/imaging/affine.js";
import type { Connectivity } from "#src/imaging/component-runs.js";
import { labelComponents } from "#src/imaging/components.js";

/** How lesions are told apart, and when one counts as found. */
export interface LesionRule {
  /** Which voxels are of one lesion: by face, edge or corner; in a picture 6 means edges, 18 and 26 corners too. */
  readonly connectivity: 6 | 18 | 26;
  /** Share of its voxels that a lesion must have in the other map to be found; 0: one voxel. */
  readonly overlap: number;
}

/** Connected pieces of a label in both maps. Counts, and quotients of counts. */
export interface LesionScores {
  readonly lesionsTruth: number;
  readonly lesionsPred: number;
  /** Pieces of the reference that the prediction finds. */
  readonly lesionsFound: number;
  readonly lesionsMissed: number;
  /** Pieces of the prediction that find nothing. */
  readonly lesionsFalse: number;
  /** Found / pieces of the reference; NaN when there are none. */
  readonly lesionSensitivity: number;
  /** 2 found / (2 found + missed + false); NaN when there are no pieces at all. */
  readonly lesionF1: number;
}

/**
 * Counts lesions: connected pieces of a mask. A piece of the reference is found when the prediction covers the share
 * of its voxels that the rule asks for (at least one voxel), whichever pieces of the prediction that is; a piece of
 * the prediction is false when the reference does not cover as much of it. So one piece may find several lesions, and
 * several pieces one.
 *
 * @param truth,prediction ones and zeros of one grid
 */
export function lesionScores(truth: Uint8Array, prediction: Uint8Array, size: Size3, rule: LesionRule): LesionScores {
  const connectivity: Connectivity = size[2] > 1 ? rule.connectivity : rule.connectivity === 6 ? 4 : 8;
  const [lesionsTruth, lesionsFound] = covered(truth, prediction, size, connectivity, rule.overlap);
  const [lesionsPred, right] = covered(prediction, truth, size, connectivity, rule.overlap);
  return lesionScoresOf({ lesionsTruth, lesionsPred, lesionsFound, lesionsFalse: lesionsPred - right });
}

/** The quotients of counts; also for maps of which one or both are empty. */
export function lesionScoresOf(
  counts: Pick<LesionScores, "lesionsTruth" | "lesionsPred" | "lesionsFound" | "lesionsFalse">,
): LesionScores {
  const { lesionsTruth, lesionsFound, lesionsFalse } = counts;
  const lesionsMissed = lesionsTruth - lesionsFound;
  return {
    ...counts,
    lesionsMissed,
    // 0 / 0 is NaN, which is what is meant.
    lesionSensitivity: lesionsFound / lesionsTruth,
    lesionF1: (2 * lesionsFound) / (2 * lesionsFound + lesionsMissed + lesionsFalse),
  };
}

/** Number of pieces of a mask, and of those that the other mask covers. */
function covered(
  mask: Uint8Array,
  other: Uint8Array,
  size: Size3,
  connectivity: Connectivity,
  overlap: number,
): readonly [pieces: number, covered: number] {
  const { labels, sizes } = labelComponents(mask, size, connectivity);
  const hits = new Uint32Array(sizes.length);
  for (let i = 0; i < labels.length; i++) {
    const piece = labels[i] ?? 0;
    if (piece !== 0 && other[i] !== 0) hits[piece] = (hits[piece] ?? 0) + 1;
  }
  let count = 0;
  for (let piece = 1; piece < sizes.length; piece++) {
    const hit = hits[piece] ?? 0;
    if (hit > 0 && hit >= overlap * (sizes[piece] ?? 0)) count++;
  }
  return [sizes.length - 1, count];
}
