import { z } from "zod";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { Affine } from "#src/imaging/affine.js";
import type { SliceStack } from "#src/imaging/slice-stack.js";
import type { Grid } from "#src/imaging/volume.js";
import { type NetworkGrid, planNetworkGrid } from "#src/inference/network-grid.js";
import type { ModelManifest } from "#src/model/manifest.js";

const count = z.int().min(1);
const index = z.int().min(0);
const size = z.tuple([count, count, count]);

/** `grid.json`: the way back from the network's grid to the source grid. */
export const GridDocument = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  source: z.strictObject({
    size,
    affineRas: z.array(z.number()).length(12),
    spacingMm: z.tuple([z.number(), z.number(), z.number()]).nullable(),
  }),
  /** In the reoriented volume. */
  box: z.strictObject({ start: z.tuple([index, index, index]), size }),
  networkSize: size,
  /** Where the slices of an irregular series lie in `source`; null where they are its planes. */
  slices: z.strictObject({ size, offsetsVox: z.array(z.tuple([z.number(), z.number(), z.number()])) }).nullable(),
});
export type GridDocument = z.infer<typeof GridDocument>;

/** The document as it was written. */
export function parseGridDocument(bytes: Uint8Array): GridDocument {
  return GridDocument.parse(JSON.parse(new TextDecoder().decode(bytes)));
}

/** @param stack of an irregular series */
export function gridDocument(
  grid: Pick<NetworkGrid, "source" | "box" | "size">,
  stack: SliceStack | null,
): GridDocument {
  const { size, affineRas, spacingMm } = grid.source;
  return {
    schemaVersion: SCHEMA_VERSION,
    source: { size: [...size], affineRas: [...affineRas], spacingMm: spacingMm && [...spacingMm] },
    box: { start: [...grid.box.start], size: [...grid.box.size] },
    networkSize: [...grid.size],
    slices: stack && { size: [...stack.size], offsetsVox: stack.offsetsVox.map(([x, y, z]) => [x, y, z]) },
  };
}

/** The grid that the document describes, planned again with the same model. */
export function gridOfDocument(document: GridDocument, manifest: ModelManifest): NetworkGrid {
  return planNetworkGrid(sourceOfDocument(document), manifest, document.box);
}

/** The source grid that the document describes. */
export function sourceOfDocument({ source }: GridDocument): Grid {
  // The schema checked that there are twelve numbers.
  return { ...source, affineRas: source.affineRas as unknown as Affine };
}
