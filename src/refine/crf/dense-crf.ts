import { availableParallelism } from "node:os";
import { PipelineError } from "#src/core/errors.js";
import { KernelFault, runJob } from "./crf-kernel.js";

/** pydensecrf's normalisations of a kernel K by n = K 1. */
export type CrfNormalisation =
  /** K. */
  | "none"
  /** K 1/n. */
  | "before"
  /** 1/n K. */
  | "after"
  /** 1/sqrt(n) K 1/sqrt(n). */
  | "symmetric";

/** One pairwise term: a penalty between points, weighted by how close they are in feature space. */
export interface CrfKernel {
  /** `dimensions` numbers a point, side by side, divided by the kernel's widths. */
  readonly features: Float32Array;
  readonly dimensions: number;
  readonly weight: number;
  readonly normalisation?: CrfNormalisation;
}

export interface CrfProblem {
  /** Probabilities of each label, background first: one array a label, of one length. Energies are -log p. */
  readonly probabilities: readonly Float32Array[];
  readonly kernels: readonly CrfKernel[];
  /**
   * What it costs that two labels are neighbours, [labels][labels]; times each kernel's weight. @default Potts: nothing
   * for a label and itself, one for any other
   */
  readonly penalties?: readonly (readonly number[])[];
  /** Mean-field updates at most; 0 gives the probabilities back. */
  readonly iterations: number;
  /** Stops when no marginal changes by more than this. @default 0: never */
  readonly tolerance?: number;
  /** @default one a core for large problems, else one */
  readonly threads?: number;
}

export interface CrfSolution {
  /** One array a label, as the probabilities. */
  readonly marginals: readonly Float32Array[];
  /** Updates that were made. */
  readonly iterations: number;
  /** Largest change of a marginal by the last of them. */
  readonly change: number;
  /** Vertices of each kernel's lattice. */
  readonly vertices: readonly number[];
  /** Memory that was used. */
  readonly bytes: number;
}

const NORMALISATIONS: readonly CrfNormalisation[] = ["none", "before", "after", "symmetric"];
const MOST_LABELS = 257;
const MOST_KERNELS = 4;
const MOST_DIMENSIONS = 7;
/** Values below which starting threads costs more than they bring. */
const WORTH_THREADS = 100_000;

/**
 * Mean-field inference in a fully connected CRF (Krähenbühl and Koltun 2011) by the permutohedral lattice, with
 * pydensecrf's arithmetic up to the order of a few sums: the message to a point includes its own share, all points are
 * updated at once, probabilities are raised to 1e-5 before their logarithm. Marginals agree to about 1e-4, labels but
 * for ties (docs/bench/crf.md). The same numbers on every machine and with any number of threads.
 *
 * The result depends on the order of features, slightly, as in the reference: the lattice is not symmetric.
 *
 * @throws {PipelineError} `InputUnsupported` when the lattices do not fit into 4 GiB; `InputMismatch` for features
 *   that are not finite or so far apart that the lattice cannot number them
 * @throws {RangeError} for sizes that do not fit each other, probabilities that are not numbers, a weight that is
 *   negative or not finite, and iterations that are no whole number from 0 on
 */
export function denseCrf(problem: CrfProblem): CrfSolution {
  const { probabilities, iterations, tolerance = 0 } = problem;
  const labels = probabilities.length;
  const points = probabilities[0]?.length ?? 0;
  const kernels = problem.kernels.filter(({ weight }) => weight !== 0);
  check(problem, points);
  const threads = problem.threads ?? (points * (labels - 1) < WORTH_THREADS ? 1 : availableParallelism());
  try {
    return runJob({
      labels,
      given: probabilities,
      iterations,
      tolerance,
      threads,
      kernels: kernels.map(({ features, dimensions, weight, normalisation = "symmetric" }) => ({
        features,
        dimensions,
        normalisation: NORMALISATIONS.indexOf(normalisation) as 0 | 1 | 2 | 3,
        potts: weight,
        matrix: problem.penalties ? Float32Array.from(problem.penalties.flat(), (cost) => cost * weight) : null,
      })),
    });
  } catch (error) {
    if (!(error instanceof KernelFault) || error.fault === "thread") throw error;
    if (error.fault === "memory") {
      const message = `a dense CRF of ${points} voxels and ${labels} labels does not fit into 4 GiB, expected a smaller box`;
      throw new PipelineError("InputUnsupported", message, { cause: error });
    }
    throw new PipelineError(
      "InputMismatch",
      "a dense CRF got features that are not finite or far wider than its kernels, expected finite intensities and widths in proportion",
      { cause: error },
    );
  }
}

function check({ probabilities, kernels, penalties, iterations }: CrfProblem, points: number): void {
  const labels = probabilities.length;
  if (labels < 2 || labels > MOST_LABELS || points === 0) {
    throw new RangeError(`a dense CRF needs 2 to ${MOST_LABELS} labels and a point, got ${labels} and ${points}`);
  }
  if (probabilities.some(({ length }) => length !== points)) throw new RangeError("labels differ in their points");
  if (!Number.isInteger(iterations) || iterations < 0)
    throw new RangeError(`${iterations} iterations, expected 0 or more`);
  for (const [label, values] of probabilities.entries()) {
    let sum = 0;
    for (let i = 0; i < points; i++) sum += values[i] as number;
    if (Number.isNaN(sum)) throw new RangeError(`probabilities of label ${label} hold one that is not a number`);
  }
  const weight = kernels.find((kernel) => !(kernel.weight >= 0 && kernel.weight < Number.POSITIVE_INFINITY))?.weight;
  if (weight !== undefined) throw new RangeError(`a kernel has weight ${weight}, expected 0 or more`);
  if (kernels.length > MOST_KERNELS)
    throw new RangeError(`${kernels.length} kernels, expected ${MOST_KERNELS} at most`);
  for (const { features, dimensions } of kernels) {
    if (dimensions < 1 || dimensions > MOST_DIMENSIONS || features.length !== points * dimensions) {
      throw new RangeError(`${features.length} features do not make ${points} points of ${dimensions}, 7 at most`);
    }
  }
  if (penalties && (penalties.length !== labels || penalties.some(({ length }) => length !== labels))) {
    throw new RangeError(`penalties must be ${labels} x ${labels}`);
  }
}
