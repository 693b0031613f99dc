import { resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { gzipDeterministic, writeNifti } from "#src/formats/nifti-write.js";
import { type Grid, voxelCount } from "#src/imaging/volume.js";
import { ortSessions, THREADS_ALONE } from "#src/inference/ort-session.js";
import { runOnce } from "#src/inference/run-once.js";
import { isSameOrInside } from "#src/local/own-below.js";
import { labelsOfStep, needsImage, needsProbabilities, type RefineStep } from "#src/model/refine-steps.js";
import { applyStepsWith, type RefineInput } from "#src/refine/apply-steps.js";
import {
  assertOneNaming,
  assertSameGrid,
  type ProbabilityMaps,
  readLabelMap,
  readOneImage,
  readProbabilities,
} from "./read-probabilities.js";
import { readSteps } from "./read-steps.js";
import { table } from "./table.js";
import { writeWhole } from "./write-whole.js";

export interface RefineFlags {
  readonly steps: string;
  readonly out: string;
  /** Channels on one grid, for a step that compares several; others look at the first. */
  readonly image?: readonly string[];
  readonly labels?: string;
  readonly regions?: readonly number[];
  readonly channels?: readonly number[];
  readonly json?: boolean;
}

/** `scanlane refine`: a manifest's steps on probabilities (or a label map) from anywhere. */
export async function refine(path: string, flags: RefineFlags): Promise<void> {
  if (!/\.nii(\.gz)?$/i.test(flags.out)) {
    throw new PipelineError(
      "InputMismatch",
      "--out is no name of a NIfTI file, expected one ending in .nii or .nii.gz",
    );
  }
  await assertNoInput(resolve(flags.out), [
    path,
    flags.steps,
    ...(flags.image ?? []),
    ...(flags.labels ? [flags.labels] : []),
  ]);
  const { steps, labels: described } = await readSteps(resolve(flags.steps));
  const { regions, channels } = flags;
  assertOneNaming(regions, channels);
  const maps = await readProbabilities(resolve(path), regions, channels);
  const start = flags.labels ?? (maps === null ? path : undefined);
  const given = start === undefined ? null : await readLabelMap(resolve(start), "the label map");
  const images: Awaited<ReturnType<typeof readOneImage>>[] = [];
  for (const file of flags.image ?? []) images.push(await readOneImage(resolve(file)));
  const [image = null, ...others] = images;
  const grid: Grid | null = maps?.grid ?? given ?? image;
  if (grid === null) {
    throw new PipelineError("InputMismatch", "a .npz file has no grid, expected --image or --labels beside it");
  }
  if (maps !== null) assertSameGrid({ ...grid, size: maps.size }, grid, "the probabilities");
  if (given !== null) assertSameGrid(given, grid, "the label map");
  for (const [n, channel] of images.entries()) {
    assertSameGrid(channel, grid, images.length === 1 ? "the image" : `channel ${n} of the image`);
  }

  const labels = given?.data ?? decide(maps, flags.regions);
  checkNeeds(steps, maps, image !== null);
  const refined = await applyStepsWith(
    {
      labels,
      size: grid.size,
      spacingMm: grid.spacingMm,
      probabilities: wholeBox(maps),
      image: image?.data ?? null,
      otherChannels: others.map(({ data }) => data),
      modelLabels: labelsOf(maps) ?? described ?? steps.flatMap(labelsOfStep),
      ...(regions && { regions }),
    },
    steps,
    runOnce(ortSessions("cpu", { threads: THREADS_ALONE })),
  );
  await writeLabels(resolve(flags.out), refined.labels, grid);
  const counts = countsOf(refined.labels);
  if (flags.json === true) {
    const voxels = Object.fromEntries(counts);
    console.log(JSON.stringify({ steps: refined.steps, voxels }, null, 2));
    return;
  }
  const changes = refined.steps.map(({ kind, changedVoxels }, n) => [String(n + 1), kind, String(changedVoxels)]);
  console.log(table(["step", "kind", "voxels changed"], changes));
  console.log(
    `\n${table(
      ["label", "voxels"],
      counts.map(([label, voxels]) => [String(label), String(voxels)]),
    )}`,
  );
}

/** @throws {PipelineError} `InputMismatch` for an output that takes the place of what it is made of, or lies among it */
async function assertNoInput(out: string, inputs: readonly string[]): Promise<void> {
  for (const input of inputs) {
    if (!(await isSameOrInside(out, resolve(input)))) continue;
    throw new PipelineError("InputMismatch", "--out is an input or lies inside one, expected another file");
  }
}

/** The class of the largest probability (the first of equals); of regions the last above a half. */
function decide(maps: ProbabilityMaps | null, regions: readonly number[] | undefined): Uint8Array | Uint16Array {
  if (maps === null) throw new TypeError("a label map or probabilities must be given");
  const values = [...maps.byLabel.keys()];
  const voxels = voxelCount(maps.size);
  const out = Math.max(...values) < 256 ? new Uint8Array(voxels) : new Uint16Array(voxels);
  if (regions !== undefined) {
    // In their own order: files of a folder are in that of their labels.
    for (const label of regions) {
      const probability = maps.byLabel.get(label);
      if (probability === undefined) throw new PipelineError("InputMismatch", `region ${label} has no probabilities`);
      for (let i = 0; i < voxels; i++) if ((probability[i] ?? 0) > 0.5) out[i] = label;
    }
    return out;
  }
  const best = maps.byLabel.get(0)?.slice() ?? backgroundOf(maps);
  for (const [label, probability] of maps.byLabel) {
    if (label === 0) continue;
    for (let i = 0; i < voxels; i++) {
      if ((probability[i] ?? 0) <= (best[i] ?? 0)) continue;
      best[i] = probability[i] ?? 0;
      out[i] = label;
    }
  }
  return out;
}

function backgroundOf({ byLabel, size }: ProbabilityMaps): Float32Array {
  const background = new Float32Array(voxelCount(size)).fill(1);
  for (const values of byLabel.values()) {
    for (let i = 0; i < background.length; i++) background[i] = (background[i] ?? 0) - (values[i] ?? 0);
  }
  return background;
}

/** Of a label map alone nothing says which labels its model has. */
function labelsOf(maps: ProbabilityMaps | null): number[] | null {
  return maps === null ? null : [...maps.byLabel.keys()].filter((label) => label !== 0);
}

function wholeBox(maps: ProbabilityMaps | null): RefineInput["probabilities"] {
  if (maps === null) return null;
  return { start: [0, 0, 0], size: maps.size, byLabel: new Map([...maps.byLabel].filter(([label]) => label !== 0)) };
}

/** What a step needs is asked for before the first of them starts. */
function checkNeeds(steps: readonly RefineStep[], maps: ProbabilityMaps | null, hasImage: boolean): void {
  for (const [n, step] of steps.entries()) {
    const subject = `step ${n + 1} (${step.kind})`;
    if (needsImage(step) && !hasImage) {
      throw new PipelineError("InputMismatch", `${subject} needs the image, expected it by --image`);
    }
    if (needsProbabilities(step) && maps === null) {
      throw new PipelineError("InputMismatch", `${subject} needs probabilities, got a label map`);
    }
    const stranger = labelsOfStep(step).find((label) => maps !== null && !maps.byLabel.has(label));
    if (stranger === undefined) continue;
    const message = `${subject} names label ${stranger}, which the probabilities do not have`;
    throw new PipelineError("InputMismatch", message);
  }
}

function countsOf(labels: Uint8Array | Uint16Array): [number, number][] {
  const counts = new Float64Array(65_536);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return [...counts.entries()].filter(([label, voxels]) => label > 0 && voxels > 0);
}

async function writeLabels(path: string, labels: Uint8Array | Uint16Array, grid: Grid): Promise<void> {
  const { size, affineRas, spacingMm } = grid;
  const file = writeNifti({ size, affineRas, spacingMm, data: labels });
  await writeWhole(path, /\.gz$/i.test(path) ? gzipDeterministic(file) : file);
}
