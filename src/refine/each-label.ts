import type { Size3 } from "#src/imaging/affine.js";
import { componentBoxes } from "#src/imaging/component-boxes.js";
import { type Box, cropBox } from "#src/imaging/crop.js";
import { growBoxBy, labelBoxes } from "#src/imaging/label-boxes.js";
import type { LabelMap } from "./refine-state.js";

/**
 * Changes the labels one after the other, each inside its own box: the work is that of the boxes, not of as many
 * volumes as there are labels. Each sees the map as it was before the step, so their order decides only who gets
 * background that two ask for: the first.
 *
 * @param marginVox voxels that a label may grow by along x, y, z
 * @param change from the label's mask in a box to its new mask; a voxel of another label is never taken, also where
 *   that one gives it up. The box says where the mask lies in the volume
 */
export function changeEachLabel(
  labels: LabelMap,
  size: Size3,
  wanted: readonly number[],
  marginVox: Size3,
  change: (mask: Uint8Array, size: Size3, box: Box) => Uint8Array,
): LabelMap {
  const boxes = new Map(
    [...labelBoxes(labels, size, wanted)].map(([label, box]) => [label, [growBoxBy(box, size, marginVox)]]),
  );
  return changeIn(labels, size, wanted, boxes, change);
}

/**
 * The same inside boxes around the components of each label, for a change that looks no further than the margin:
 * specks far from an organ cost next to nothing. Components that the margin brings together share a box.
 */
export function changeEachComponent(
  labels: LabelMap,
  size: Size3,
  wanted: readonly number[],
  marginVox: Size3,
  change: (mask: Uint8Array, size: Size3) => Uint8Array,
): LabelMap {
  return changeIn(labels, size, wanted, componentBoxes(labels, size, wanted, marginVox), change);
}

function changeIn(
  labels: LabelMap,
  size: Size3,
  wanted: readonly number[],
  boxes: ReadonlyMap<number, readonly Box[]>,
  change: (mask: Uint8Array, size: Size3, box: Box) => Uint8Array,
): LabelMap {
  const out = labels.slice();
  for (const label of wanted) {
    for (const box of boxes.get(label) ?? []) {
      const inBox = cropBox(labels, size, box);
      const mask = new Uint8Array(inBox.length);
      for (let i = 0; i < mask.length; i++) mask[i] = inBox[i] === label ? 1 : 0;
      write(out, size, box, inBox, change(mask, box.size, box), label);
    }
  }
  return out;
}

/** @param before labels in the box as they were before the step */
function write(out: LabelMap, size: Size3, box: Box, before: LabelMap, after: Uint8Array, label: number): void {
  const [bx, by, bz] = box.size;
  let i = 0;
  for (let z = 0; z < bz; z++) {
    for (let y = 0; y < by; y++) {
      let at = box.start[0] + size[0] * (y + box.start[1] + size[1] * (z + box.start[2]));
      for (let x = 0; x < bx; x++, i++, at++) {
        if (before[i] === label) {
          if (after[i] !== 1) out[at] = 0;
        } else if (before[i] === 0 && out[at] === 0 && after[i] === 1) out[at] = label;
      }
    }
  }
}
