import type { Size3 } from "#src/imaging/affine.js";
import { componentBoxes } from "#src/imaging/component-boxes.js";
import { type Box, cropBox } from "#src/imaging/crop.js";
import type { LabelMap } from "./refine-state.js";

/**
 * Changes the labels one after the other, each inside boxes around its components: the work is that of the boxes, not
 * of as many volumes as there are labels. Each sees the map as it was before the step, so their order decides only who
 * gets background that two ask for: the first.
 *
 * @param marginVox voxels along x, y, z beyond which `change` looks at nothing
 * @param change from the label's mask in a box to its new mask; a voxel of another label is never taken
 */
export function changeEachLabel(
  labels: LabelMap,
  size: Size3,
  wanted: readonly number[],
  marginVox: Size3,
  change: (mask: Uint8Array, size: Size3) => Uint8Array,
): LabelMap {
  const out = labels.slice();
  for (const [label, boxes] of componentBoxes(labels, size, wanted, marginVox)) {
    for (const box of boxes) {
      const mask = cropBox(labels, size, box);
      for (let i = 0; i < mask.length; i++) mask[i] = mask[i] === label ? 1 : 0;
      const before = mask instanceof Uint8Array ? mask : Uint8Array.from(mask);
      write(out, size, box, before, change(before, box.size), label);
    }
  }
  return out;
}

function write(out: LabelMap, size: Size3, box: Box, before: Uint8Array, after: Uint8Array, label: number): void {
  const [bx, by, bz] = box.size;
  let i = 0;
  for (let z = 0; z < bz; z++) {
    for (let y = 0; y < by; y++) {
      let at = box.start[0] + size[0] * (y + box.start[1] + size[1] * (z + box.start[2]));
      for (let x = 0; x < bx; x++, i++, at++) {
        if (after[i] === before[i]) continue;
        if (before[i] === 1) out[at] = 0;
        else if (out[at] === 0 && after[i] === 1) out[at] = label;
      }
    }
  }
}
