import { readStl } from "#src/formats/mesh-read.js";
import { writeStl } from "#src/formats/mesh-write.js";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { labelBoxes } from "#src/imaging/label-boxes.js";
import { labelSurface } from "#src/imaging/label-surface.js";
import { proveSurface } from "#src/stages/proof/prove-mesh.js";

/**
 * Time of the surfaces of a made-up label map of three labels (a ball, a wavy shell around it, a block), and of writing,
 * reading back and proving them; medians of three.
 *
 * @example node --conditions=development --import tsx bench/surfaces.ts
 */
const size: Size3 = [512, 512, 300];
const affineRas: Affine = [0.7, 0, 0, -180, 0, 0.7, 0, -180, 0, 0, 1.5, 0];
const grid = { size, affineRas, spacingMm: [0.7, 0.7, 1.5] as const };
const labels = phantom();
const boxes = labelBoxes(labels, size, [1, 2, 3]);
const seconds = { surfaces: [] as number[], "STL written and read": [] as number[], proven: [] as number[] };
let triangles = 0;
for (let run = 0; run < 3; run++) {
  const started = performance.now();
  const meshes = [...boxes].map(([label, box]) => ({
    label,
    mesh: labelSurface(labels, size, label, box, affineRas),
  }));
  const made = performance.now();
  const read = meshes.map(({ label, mesh }) => ({ label, corners: readStl(writeStl(mesh)) }));
  const back = performance.now();
  for (const { label, corners } of read) proveSurface(corners, label, labels, grid);
  triangles = meshes.reduce((sum, { mesh }) => sum + mesh.triangles.length / 3, 0);
  seconds.surfaces.push((made - started) / 1000);
  seconds["STL written and read"].push((back - made) / 1000);
  seconds.proven.push((performance.now() - back) / 1000);
}
console.log(`${size.join(" x ")}, 3 labels, ${triangles} triangles`);
for (const [what, of] of Object.entries(seconds)) console.log(`${what}: ${of.sort((a, b) => a - b)[1]?.toFixed(2)} s`);

function phantom(): Uint8Array {
  const [nx, ny, nz] = size;
  const out = new Uint8Array(nx * ny * nz);
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        const radius = Math.hypot(x - 256, y - 256, (z - 150) * 1.5);
        if (radius < 120) out[i] = 1;
        else if (radius < 150 + 8 * Math.sin(x / 4 + z / 3)) out[i] = 2;
        else if (x > 400 && x < 496 && y > 56 && y < 456 && z > 20 && z < 280) out[i] = 3;
      }
    }
  }
  return out;
}
