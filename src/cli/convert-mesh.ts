import { PipelineError } from "#src/core/errors.js";
import { writeGlb, writeStl } from "#src/formats/mesh-write.js";
import { labelBoxes } from "#src/imaging/label-boxes.js";
import { labelSurface, smoothMesh } from "#src/imaging/label-surface.js";
import type { Volume } from "#src/imaging/volume.js";

/** A file, with what its name gets between stem and extension. */
interface MeshFile {
  readonly suffix: string;
  readonly bytes: Uint8Array;
}

/** Voxels that may be labels. */
type MaybeLabels = Float32Array | Int16Array | Uint8Array | Uint16Array;

/**
 * A label map as closed surfaces: one GLB with a node a label, or one STL a label (the file holds a single body), its
 * name ending in `-label-<n>` where there are several. Labels that are nowhere get no surface.
 *
 * @param smoothSteps of Taubin's smoothing; 0: the surface as the voxels have it
 * @throws {PipelineError} InputMismatch for an image that is no label map, has no label or no voxel size
 */
export function meshFiles(
  volume: Volume<MaybeLabels>,
  format: "stl" | "glb",
  smoothSteps: number,
): readonly MeshFile[] {
  if (volume.spacingMm === null) {
    throw new PipelineError("InputMismatch", "label map does not say how large a voxel is, which a surface needs");
  }
  const labels = asLabels(volume.data);
  const present = labelsIn(labels);
  if (present.length === 0) throw new PipelineError("InputMismatch", "label map holds only zeros, expected a label");
  const boxes = labelBoxes(labels, volume.size, present);
  const meshes = [...boxes].map(([label, box]) => {
    const mesh = labelSurface(labels, volume.size, label, box, volume.affineRas);
    return { name: `label-${label}`, mesh: smoothSteps === 0 ? mesh : smoothMesh(mesh, smoothSteps) };
  });
  if (format === "glb") return [{ suffix: "", bytes: writeGlb(meshes) }];
  const isOne = meshes.length === 1;
  return meshes.map(({ name, mesh }) => ({ suffix: isOne ? "" : `-${name}`, bytes: writeStl(mesh) }));
}

/** More than any set of structures has, and few enough that an image is not taken for a label map. */
const MOST_LABELS = 1024;

function asLabels(data: MaybeLabels): Uint16Array {
  const labels = Uint16Array.from(data);
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === data[i]) continue;
    throw new PipelineError("InputMismatch", `image holds ${data[i]}, expected a label map: 0 to 65535, whole numbers`);
  }
  return labels;
}

function labelsIn(labels: Uint16Array): number[] {
  const seen = new Uint8Array(65_536);
  for (const label of labels) seen[label] = 1;
  const present = Array.from(seen.keys()).filter((label) => label > 0 && seen[label] === 1);
  if (present.length <= MOST_LABELS) return present;
  throw new PipelineError(
    "InputMismatch",
    `image holds ${present.length} values, expected a label map of at most ${MOST_LABELS} labels`,
  );
}
