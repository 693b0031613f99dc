import { cropBox, pasteBox } from "#src/imaging/crop.js";
import { probabilityOf, type RefineInput, type RefineProbabilities } from "./refine-state.js";

/**
 * Decides the labels named anew inside the box of the probabilities: a voxel gets, of those whose mask it is in, the
 * one with the largest probability (of equals the first named), of regions the one that is written last, else
 * background. Voxels of other labels stay.
 *
 * @param maskFor ones where the label may be
 */
export function decideInBox(
  state: RefineInput,
  probabilities: RefineProbabilities,
  labels: readonly number[],
  subject: string,
  maskFor: (label: number, values: Float32Array) => Uint8Array,
): RefineInput {
  const inBox = cropBox(state.labels, state.size, probabilities);
  const isNamed = new Uint8Array(65_536);
  for (const label of labels) isNamed[label] = 1;
  const isFree = Uint8Array.from(inBox, (label) => (label === 0 || isNamed[label] === 1 ? 1 : 0));
  for (let i = 0; i < inBox.length; i++) if (isFree[i] === 1) inBox[i] = 0;

  const { regions } = state;
  // A region is at least as probable as one inside it, so probabilities cannot choose between them.
  const isLikeliest = regions === undefined && labels.length > 1;
  const most = new Float32Array(isLikeliest ? inBox.length : 0).fill(-1);
  for (const label of regions === undefined ? labels : inOrder(labels, regions)) {
    const values = probabilityOf(probabilities, label, subject);
    const mask = maskFor(label, values);
    for (let i = 0; i < inBox.length; i++) {
      if (mask[i] === 0 || isFree[i] === 0) continue;
      if (isLikeliest) {
        const value = values[i] ?? 0;
        if (value <= (most[i] ?? 0)) continue;
        most[i] = value;
      }
      inBox[i] = label;
    }
  }
  return { ...state, labels: pasteBox(inBox, probabilities, state.size, 0, state.labels.slice()) };
}

function inOrder(labels: readonly number[], regions: readonly number[]): readonly number[] {
  return labels.toSorted((a, b) => regions.indexOf(a) - regions.indexOf(b));
}
