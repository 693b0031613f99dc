import type { PackageManifest } from "#src/model/classical-manifest.js";
import type { ModelPackage } from "#src/model/model-library.js";
import { largestPhase, type MemoryPhase, phaseBytes } from "./memory-terms.js";
import { type RunsAtOnce, type SegmentAsks, segmentPhases } from "./predict-segment.js";
import { type ImageShape, type PublishAsks, preprocessPhases, publishPhases } from "./predict-volumes.js";

// What a stage's process will hold at its peak, from shapes alone: each phase's arrays by name and formula, as the code
// makes them (`predict-volumes.ts`, `predict-segment.ts`). Only the process itself and what its garbage collector leaves
// lying (`memory-terms.ts`) were fitted, to the cases that `bench/preflight/cases.ts` marks (docs/bench/preflight.md).

const MIB = 2 ** 20;

/** A process before its stage: Node.js, our modules, in Segment the runtime; MiB. */
const BASE = { preprocess: 86, segment: 128, publish: 116, withoutNetwork: 97 } as const;

/** What reads and writes DICOM, and is loaded when it is needed; MiB. */
const SERIES = 20;

/** Peak of Preprocess, in MiB. */
export function predictPreprocess(image: ImageShape, manifest: PackageManifest): number {
  return BASE.preprocess + seriesMiB(image) + peakMiB(preprocessPhases(image, manifest));
}

/** Peak of Publish, in MiB. */
export function predictPublish(image: ImageShape, asks: PublishAsks): number {
  return BASE.publish + seriesMiB(image) + peakMiB(publishPhases(image, asks));
}

/**
 * Peak of Segment, in MiB, with so many runs at once.
 *
 * @returns null for a classical method: each has memory of its own kind
 */
export function predictSegment(
  image: ImageShape,
  model: ModelPackage,
  asks: SegmentAsks,
  runsAtOnce: RunsAtOnce,
): number | null {
  const phases = segmentPhases(image, model, asks, runsAtOnce);
  return phases === null ? null : BASE.segment + peakMiB(phases);
}

/** Peak of what Segment or Postprocess does without a network, in MiB. */
export function predictWithoutNetwork(phases: readonly MemoryPhase[]): number {
  return BASE.withoutNetwork + peakMiB(phases);
}

function seriesMiB({ files }: ImageShape): number {
  return files > 1 ? SERIES : 0;
}

function peakMiB(phases: readonly MemoryPhase[]): number {
  return phaseBytes(largestPhase(phases)) / MIB;
}
