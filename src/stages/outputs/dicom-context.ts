import type { ResultId } from "#src/core/ids.js";
import type { DicomSource } from "#src/formats/scan.js";
import type { Volume } from "#src/imaging/volume.js";
import type { ModelLabel } from "#src/model/manifest.js";
import type { SlicePlanes } from "#src/stages/proof/slice-planes.js";

/** What DICOM outputs are made of and proven against. They lie on the series' own slices. */
export interface DicomContext {
  /** On the source's slices: the grid's planes, unless the series is irregular. */
  readonly labels: Volume<Uint8Array | Uint16Array>;
  readonly planes: SlicePlanes;
  readonly source: DicomSource;
  readonly segments: readonly ModelLabel[];
  /** Of the segments, in their order: as `result.json` states them, on the grid. */
  readonly volumesMm3: readonly number[];
  readonly algorithm: { readonly name: string; readonly version: string; readonly isNetwork: boolean };
  readonly identity: ResultId;
}
