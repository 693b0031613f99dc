import { writeFile } from "node:fs/promises";
import { gzipDeterministic, writeNifti } from "#src/formats/nifti-write.js";
import type { Size3 } from "#src/imaging/affine.js";

/** A made-up T1-like crop of 36 x 52 x 38 voxels of 1 mm with a bright curved band. @returns the path */
export async function hippocampusLike(path: string): Promise<string> {
  const size: Size3 = [36, 52, 38];
  const data = new Int16Array(size[0] * size[1] * size[2]);
  for (let z = 0, i = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++, i++) {
        const bend = 18 + 6 * Math.sin(y / 14);
        const band = Math.hypot((x - bend) / 6, (z - 18 - y / 8) / 4);
        data[i] = Math.round(60 + 90 * Math.exp(-band * band) + 12 * Math.sin(x * 1.7 + y * 0.9 + z * 1.3));
      }
    }
  }
  const volume = writeNifti({
    size,
    affineRas: [1, 0, 0, -18, 0, 1, 0, -26, 0, 0, 1, -19],
    spacingMm: [1, 1, 1],
    data,
  });
  await writeFile(path, gzipDeterministic(volume));
  return path;
}
