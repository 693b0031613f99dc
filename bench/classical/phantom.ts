// Brain phantoms with known tissues: the anatomy of one real head, made-up intensities. Nothing of it is committed.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readNifti } from "#src/formats/nifti-read.js";
import type { Affine, Size3, Vec3 } from "#src/imaging/affine.js";
import { quantileCentres, thinned } from "#src/imaging/classical/clusters.js";
import { kMeans } from "#src/imaging/classical/k-means.js";
import { type Random, seededRandom } from "./random.js";

export const TISSUES = ["csf", "grey-matter", "white-matter", "tumour"] as const;

/** Tissue of each voxel of the template: 0 outside the brain, 1 CSF, 2 grey matter, 3 white matter. */
export interface Anatomy {
  readonly tissues: Uint8Array;
  readonly size: Size3;
}

export interface PhantomOptions {
  readonly seed: number;
  /** Standard deviation of the noise in per cent of white matter's brightness, as BrainWeb has it. */
  readonly noisePercent: number;
  /** Range of the bias field in per cent: 40 is from 0.8 to 1.2. */
  readonly biasPercent: number;
  readonly tumourSide: "left" | "right";
}

export interface Phantom {
  readonly size: Size3;
  readonly spacingMm: Vec3;
  readonly affineRas: Affine;
  /** 0 outside the brain. */
  readonly image: Float32Array;
  /** 0 outside, then the place in `TISSUES` plus one. */
  readonly truth: Uint8Array;
}

const SPACING_MM = 2;
/** Brightness of CSF, grey matter, white matter and tumour in a T1-weighted image. */
const BRIGHTNESS = [30, 62, 85, 47] as const;

/** Where Debian's mricron-data puts its templates, unless MRICRON_TEMPLATES says otherwise. */
const TEMPLATES = process.env.MRICRON_TEMPLATES ?? "/usr/share/mricron/templates";

/** Tissues of Colin 27's brain (`ch2bet` of mricron-data, 27 scans averaged): k-means of its intensities. */
export async function readAnatomy(): Promise<Anatomy> {
  const template = readNifti(await readFile(join(TEMPLATES, "ch2bet.nii.gz")));
  const values = Float32Array.from(template.data);
  const brain = [thinned([values.filter((value) => value > 0)], 200_000)[0] ?? new Float32Array()];
  const centres = kMeans(brain, quantileCentres(brain, 3), { iterations: 200, tolerance: 1e-3 }).flat();
  const [csf = 0, grey = 0, white = 0] = centres.sort((a, b) => a - b);
  const tissueOf = (value: number): number =>
    value <= 0 ? 0 : value < (csf + grey) / 2 ? 1 : value < (grey + white) / 2 ? 2 : 3;
  return { tissues: Uint8Array.from(values, tissueOf), size: template.size };
}

/**
 * One phantom: the anatomy turned, stretched and bent, with an ellipsoid of tumour; each voxel of 2 mm mixes what eight
 * points in it hold (partial volume); then texture, bias field and Rician noise. The truth is what most points hold.
 */
export function makePhantom(anatomy: Anatomy, options: PhantomOptions): Phantom {
  const random = seededRandom(options.seed);
  const size: Size3 = [92, 110, 92];
  const warp = randomWarp(random, anatomy.size);
  const tumour = randomTumour(random, anatomy, options.tumourSide);
  const voxels = size[0] * size[1] * size[2];
  const truth = new Uint8Array(voxels);
  const clean = new Float32Array(voxels);
  const means = BRIGHTNESS.map((value) => value * (1 + 0.03 * random.normal()));
  const texture = smoothField(random, size, 6);
  const bias = smoothField(random, size, 2);
  const counts = new Uint8Array(5);
  // Within a voxel the waves hardly change: its eight points lie half a millimetre off its middle along each axis.
  const half = [-SPACING_MM / 4, SPACING_MM / 4];
  const parts = half.flatMap((dx) => half.flatMap((dy) => half.map((dz): Point => [dx, dy, dz])));
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++, i++) {
        counts.fill(0);
        const [cx, cy, cz] = warp([x, y, z]);
        for (const [dx, dy, dz] of parts) {
          const at: Point = [cx + dx, cy + dy, cz + dz];
          const tissue = tissueAt(anatomy, at);
          const held = tissue > 0 && isInside(tumour, at) ? 4 : tissue;
          counts[held] = (counts[held] ?? 0) + 1;
        }
        let most = 0;
        for (let t = 1; t < 5; t++) if ((counts[t] ?? 0) > (counts[most] ?? 0)) most = t;
        truth[i] = most;
        if (most === 0) continue;
        let sum = 0;
        for (let t = 1; t < 5; t++) sum += (counts[t] ?? 0) * (means[t - 1] ?? 0);
        clean[i] = (sum / (8 - (counts[0] ?? 0))) * (1 + 0.03 * (texture[i] ?? 0));
      }
    }
  }
  const sd = (options.noisePercent / 100) * BRIGHTNESS[2];
  const image = clean.map((value, at) => {
    if (truth[at] === 0) return 0;
    const shaded = value * (1 + (options.biasPercent / 200) * (bias[at] ?? 0));
    return Math.max(1, Math.round(10 * Math.hypot(shaded + sd * random.normal(), sd * random.normal())));
  });
  const affineRas = [SPACING_MM, 0, 0, -92, 0, SPACING_MM, 0, -126, 0, 0, SPACING_MM, -72] as const;
  return {
    size,
    spacingMm: [SPACING_MM, SPACING_MM, SPACING_MM],
    affineRas: affineRas as unknown as Affine,
    image,
    truth,
  };
}

type Point = readonly [number, number, number];

/** From a phantom's voxel to the template's: up to 8 degrees a turn, 6 % a stretch, waves of up to 3 mm. */
function randomWarp(random: Random, target: Size3): (at: Point) => Point {
  const angles = [0, 1, 2].map(() => (random.uniform(-8, 8) * Math.PI) / 180);
  const scales = [0, 1, 2].map(() => random.uniform(0.94, 1.06));
  const waves = [0, 1, 2].map(() => ({
    along: [random.normal(), random.normal(), random.normal()] as const,
    phase: random.uniform(0, 2 * Math.PI),
    mm: random.uniform(1, 3),
  }));
  const [c0, c1, c2] = angles.map(Math.cos) as [number, number, number];
  const [s0, s1, s2] = angles.map(Math.sin) as [number, number, number];
  return ([x, y, z]) => {
    const [ax, ay, az] = [x - 45.5, y - 54.5, z - 45.5].map((at, n) => at * SPACING_MM * (scales[n] ?? 1)) as [
      number,
      number,
      number,
    ];
    const [bx, by] = [ax * c0 - ay * s0, ax * s0 + ay * c0];
    const [py, bz] = [by * c1 - az * s1, by * s1 + az * c1];
    const [px, pz] = [bx * c2 - bz * s2, bx * s2 + bz * c2];
    const wave = (n: number): number => {
      const { along, phase, mm } = waves[n] ?? { along: [0, 0, 0], phase: 0, mm: 0 };
      return mm * Math.sin((along[0] * px + along[1] * py + along[2] * pz) / 35 + phase);
    };
    return [px + wave(0) + target[0] / 2, py + wave(1) + target[1] / 2, pz + wave(2) + target[2] / 2];
  };
}

function tissueAt({ tissues, size }: Anatomy, [x, y, z]: Point): number {
  const [ix, iy, iz] = [Math.round(x), Math.round(y), Math.round(z)];
  if (ix < 0 || iy < 0 || iz < 0 || ix >= size[0] || iy >= size[1] || iz >= size[2]) return 0;
  return tissues[ix + size[0] * (iy + size[1] * iz)] ?? 0;
}

interface Ellipsoid {
  readonly centre: Point;
  readonly radii: Point;
}

/** An ellipsoid with radii of 8 to 17 mm around a white-matter voxel of one half. Voxels of the template are 1 mm. */
function randomTumour(random: Random, anatomy: Anatomy, side: "left" | "right"): Ellipsoid {
  const [nx, ny, nz] = anatomy.size;
  for (;;) {
    const x = nx / 2 + (side === "left" ? -1 : 1) * random.uniform(14, 42);
    const centre: Point = [x, random.uniform(0.25, 0.75) * ny, random.uniform(0.4, 0.7) * nz];
    if (tissueAt(anatomy, centre) !== 3) continue;
    return { centre, radii: [random.uniform(8, 17), random.uniform(8, 17), random.uniform(8, 17)] };
  }
}

function isInside({ centre, radii }: Ellipsoid, at: Point): boolean {
  let sum = 0;
  for (let axis = 0; axis < 3; axis++) {
    sum += (((at[axis] ?? 0) - (centre[axis] ?? 0)) / (radii[axis] ?? 1)) ** 2;
  }
  return sum <= 1;
}

/** Waves of random directions with about this many periods over the image, scaled to [-1, 1]. */
function smoothField(random: Random, size: Size3, periods: number): Float32Array {
  const waves = Array.from({ length: 4 }, () => ({
    along: [random.normal(), random.normal(), random.normal()] as const,
    phase: random.uniform(0, 2 * Math.PI),
  }));
  const field = new Float32Array(size[0] * size[1] * size[2]);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++, i++) {
        let sum = 0;
        for (const { along, phase } of waves) {
          const turns = (along[0] * x) / size[0] + (along[1] * y) / size[1] + (along[2] * z) / size[2];
          sum += Math.sin(Math.PI * periods * 0.5 * turns + phase);
        }
        field[i] = sum;
        low = Math.min(low, sum);
        high = Math.max(high, sum);
      }
    }
  }
  return field.map((value) => (2 * (value - low)) / (high - low) - 1);
}
