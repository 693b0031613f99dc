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
 * @param labels those alone; null: all that occur
 * @param smoothSteps of Taubin's smoothing; 0: the surface as the voxels have it
 * @throws {PipelineError} InputMismatch for an image that is no label map, has no label or no voxel size
 */
export function meshFiles(
  volume: Volume<MaybeLabels>,
  format: "stl" | "glb",
  smoothSteps: number,
  labels: readonly number[] | null = null,
): readonly MeshFile[] {
  if (volume.spacingMm === null) {
    throw new PipelineError("InputMismatch", "label map does not say how large a voxel is, which a surface needs");
  }
  const data = asLabels(volume.data);
  const present = labelsIn(data).filter((label) => labels === null || labels.includes(label));
  if (present.length === 0 && labels !== null) {
    throw new PipelineError("InputMismatch", `label map holds none of the labels ${labels.join(", ")}, expected one`);
  }
  if (format === "stl" && labels === null && present.length > MOST_FILES) {
    const found = `image holds ${present.length} values, and each would be an STL file`;
    const remedy = "name labels by --labels, or write .glb, which holds all of them";
    throw new PipelineError(
      "InputMismatch",
      `${found}, expected a label map of at most ${MOST_FILES} labels; ${remedy}`,
    );
  }
  if (present.length === 0) throw new PipelineError("InputMismatch", "label map holds only zeros, expected a label");
  const boxes = labelBoxes(data, volume.size, present);
  const meshes = [...boxes].map(([label, box]) => {
    const mesh = labelSurface(data, volume.size, label, box, volume.affineRas);
    return { name: `label-${label}`, mesh: smoothSteps === 0 ? mesh : smoothMesh(mesh, smoothSteps) };
  });
  if (format === "glb") return [{ suffix: "", bytes: writeGlb(meshes) }];
  const isOne = meshes.length === 1;
  return meshes.map(({ name, mesh }) => ({ suffix: isOne ? "" : `-${name}`, bytes: writeStl(mesh) }));
}

/** More than any set of structures has, and few enough that an image is not taken for a label map. */
const MOST_LABELS = 1024;
/** Of files of one label each, where nobody said which. */
const MOST_FILES = 64;

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
