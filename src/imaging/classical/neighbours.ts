import type { Size3 } from "#src/imaging/affine.js";

export type Connectivity = 6 | 18 | 26;

/**
 * Steps from a voxel to its neighbours, [dx, dy, dz] one after the other: faces first, then edges, then corners, each
 * group with x fastest. A grid of one slice has no neighbours along z: 6 means its 4, 18 and 26 its 8.
 */
export function neighbourSteps(size: Size3, connectivity: Connectivity): Int8Array {
  const farthest = connectivity === 6 ? 1 : connectivity === 18 ? 2 : 3;
  const depth = size[2] === 1 ? 0 : 1;
  const steps: number[] = [];
  for (let distance = 1; distance <= farthest; distance++) {
    for (let dz = -depth; dz <= depth; dz++) {
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          if (dx * dx + dy * dy + dz * dz === distance) steps.push(dx, dy, dz);
        }
      }
    }
  }
  return Int8Array.from(steps);
}
