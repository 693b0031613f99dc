import type { RefineStep } from "#src/model/refine-steps.js";

/** What a step takes, for each voxel of the image: where it works in boxes around what was found, at most. */
export interface StepNeeds {
  /** Bytes that it holds beyond labels, probabilities and image. */
  readonly bytes: number;
  /** Of a processor; null for contours, which take as long as their outlines are. */
  readonly seconds: number | null;
}

const NANOSECOND = 1e-9;
/** The kernel of the dense CRF addresses no more. */
const CRF_BYTES = 2 ** 32;
/** For each voxel and class, the time also for each voxel of the window and each iteration. */
const CONV_CRF = { bytes: 80, nanoseconds: 6.3 } as const;

/**
 * What a step takes of an image. Measured for each kind by itself, on volumes of 1.6 and 5.3 million voxels with 2 and 8
 * labels that reach from corner to corner (bench/preflight/step-rates.ts). Kernels of a dense CRF narrower than those
 * measured (3 mm, a fifth of the deviation) take more.
 *
 * @param voxels of the whole image
 * @param labels whose probabilities are there
 * @param spacingMm null where it is unknown
 */
export function stepNeeds(
  step: RefineStep,
  voxels: number,
  labels: number,
  spacingMm: readonly [number, number, number] | null,
): StepNeeds {
  const { bytes, start, nanoseconds } = needsAVoxel(step, labels, spacingMm ?? [1, 1, 1]);
  const most = step.kind === "dense-crf" ? CRF_BYTES : Number.POSITIVE_INFINITY;
  const seconds = nanoseconds === null ? null : start + NANOSECOND * nanoseconds * voxels;
  return { bytes: Math.min(most, bytes * voxels), seconds };
}

interface Each {
  /** For each voxel. */
  readonly bytes: number;
  /** Seconds before the first voxel: a step's code is compiled as it runs. */
  readonly start: number;
  /** For each voxel; null where nothing is said. */
  readonly nanoseconds: number | null;
}

function needsAVoxel(step: RefineStep, labels: number, spacingMm: readonly [number, number, number]): Each {
  switch (step.kind) {
    case "threshold":
      return step.from === "labels"
        ? { bytes: 3, start: 0.03, nanoseconds: 10 * step.labels.length }
        : { bytes: 81, start: 0.03, nanoseconds: 195 * step.labels.length };
    case "otsu":
      return step.source === "image"
        ? { bytes: 3, start: 0.04, nanoseconds: 30 * step.labels.length }
        : { bytes: 91, start: 0.04, nanoseconds: 220 * step.labels.length };
    case "hysteresis":
      return { bytes: 47, start: 0.1, nanoseconds: 62 * step.labels.length };
    case "score-triplet":
      return { bytes: 47, start: 0.02, nanoseconds: 65 * step.labels.length };
    case "largest-component":
    case "remove-small":
      return { bytes: 3, start: 0.04, nanoseconds: 12 };
    case "screen-components":
      return { bytes: 3, start: 0.05, nanoseconds: 15 };
    case "fill-holes":
      return { bytes: 10, start: 0.12, nanoseconds: 30 };
    case "morphology":
      return { bytes: 8, start: 0.15, nanoseconds: 25 };
    case "keep-near":
      return { bytes: 8, start: 0.13, nanoseconds: 100 };
    case "superpixel-vote":
      return { bytes: 64, start: 0.3, nanoseconds: (step.use === "labels" ? 180 : 150) * step.iterations };
    case "chan-vese":
      return { bytes: 21, start: 0, nanoseconds: null };
    case "geodesic-contour":
      return { bytes: 52, start: 0, nanoseconds: null };
    case "region-grow":
      return { bytes: 28, start: 0.1, nanoseconds: 200 };
    case "watershed":
      return { bytes: 77, start: 0.1, nanoseconds: 2000 };
    case "dense-crf":
      return denseCrf(step, labels);
    case "conv-crf":
      return convCrf(step, labels, spacingMm);
  }
}

type StepOf<Kind extends RefineStep["kind"]> = Extract<RefineStep, { kind: Kind }>;

/** Lattices, energies and marginals; of slices one at a time. */
function denseCrf({ appearance, dimensions, iterations }: StepOf<"dense-crf">, labels: number): Each {
  const lattices = appearance === undefined ? 170 : 490;
  const bytes = dimensions === 2 ? 20 + 18 * labels : lattices + 18 * labels;
  return { bytes, start: 0, nanoseconds: 1000 + iterations * (45 + 7 * labels) };
}

function convCrf(step: StepOf<"conv-crf">, labels: number, spacingMm: readonly [number, number, number]): Each {
  const { radiusMm, iterations, dimensions } = step;
  const window = spacingMm.reduce(
    (product, mm, axis) => product * (axis === 2 && dimensions === 2 ? 1 : 2 * Math.floor(radiusMm / mm) + 1),
    1,
  );
  const classes = 1 + labels;
  return {
    bytes: CONV_CRF.bytes * classes,
    start: 0,
    nanoseconds: CONV_CRF.nanoseconds * classes * window * iterations,
  };
}
