import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import type { ModelManifest } from "#src/model/manifest.js";

/** Sums of smooth waves in random directions: nothing of a patient, and the same numbers everywhere. */
export function goldenPhantom(
  manifest: ModelManifest,
  seed: number,
): { readonly grid: Grid; readonly channels: readonly Float32Array[] } {
  const { patchVox } = manifest.tiles;
  const length = (axis: 0 | 1 | 2) => (patchVox[axis] === 1 ? 3 : Math.max(4, Math.round(patchVox[axis] * 1.15)));
  const size: Size3 = [length(0), length(1), length(2)];
  const spacingMm = manifest.spacingMm.map((mm) => (mm ?? 1) * 1.1) as unknown as Vec3;
  const [sx, sy, sz] = spacingMm;
  const random = mulberry32(seed);
  const isCt = manifest.channels.some(({ modalities }) => modalities.includes("CT"));
  const channels = manifest.channels.map(() => {
    const waves = Array.from({ length: 6 }, () => [random() - 0.5, random() - 0.5, random() - 0.5, random() * 6.3]);
    const out = new Float32Array(voxelCount(size));
    let i = 0;
    for (let z = 0; z < size[2]; z++) {
      for (let y = 0; y < size[1]; y++) {
        for (let x = 0; x < size[0]; x++) {
          let sum = 0;
          for (const [a = 0, b = 0, c = 0, d = 0] of waves) sum += Math.sin(a * x + b * y + c * z + d);
          out[i++] = Math.round(isCt ? sum * 100 : 100 + sum * 16);
        }
      }
    }
    return out;
  });
  return { grid: { size, affineRas: [sx, 0, 0, 0, 0, sy, 0, 0, 0, 0, sz, 0], spacingMm }, channels };
}

/** Public-domain generator by Tommy Ettinger: 32 bits of state, numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
