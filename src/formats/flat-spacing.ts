import type { DataSet } from "dicom-parser";
import { numbersOf, textOf } from "./dicom-file.js";
import { type FrameHeader, GROUP, groupOf, itemsOf } from "./frame-header.js";

/** Distance between rows, then between columns, of an image without a place in the patient. */
export interface FlatSpacing {
  readonly mm: readonly [number, number];
  /** "detector": lengths in the patient are smaller, by a magnification that nobody states. */
  readonly at: "patient" | "detector";
}

/** Physical units of ultrasound regions (0018,6024): centimetres. */
const CENTIMETRES = 3;

/**
 * Pixel spacing of a projection, a photograph or an ultrasound image, or of a frame of a cine: Pixel Spacing, ultrasound regions that agree,
 * Imager Pixel Spacing (by the estimated magnification where it is stated), Nominal Scanned Pixel Spacing; else null.
 */
export function flatSpacing(header: FrameHeader): FlatSpacing | null {
  const calibrated = positivePair(numbersOf(groupOf(header, GROUP.pixelMeasures), "x00280030", 2));
  if (calibrated !== null) return { mm: calibrated, at: "patient" };
  const regions = ultrasoundSpacing(header.root);
  if (regions !== null) return { mm: regions, at: "patient" };
  const detector = positivePair(numbersOf(groupOf(header, GROUP.framePixelData), "x00181164", 2));
  if (detector !== null) {
    const magnification = numbersOf(groupOf(header, GROUP.xRayGeometry), "x00181114", 1)?.[0] ?? 0;
    if (magnification < 1) return { mm: detector, at: "detector" };
    return { mm: [detector[0] / magnification, detector[1] / magnification], at: "patient" };
  }
  const scanned = positivePair(numbersOf(header.root, "x00182010", 2));
  return scanned === null ? null : { mm: scanned, at: "patient" };
}

/** Regions of tissue in centimetres (PS3.3 C.8.5.5); null where there is none or where they differ. */
function ultrasoundSpacing(dataSet: DataSet): readonly [number, number] | null {
  const regions = itemsOf(dataSet, "x00186011").filter(
    (region) =>
      region.elements.x00186024 !== undefined &&
      region.uint16("x00186024") === CENTIMETRES &&
      region.uint16("x00186026") === CENTIMETRES,
  );
  let found: readonly [number, number] | null = null;
  for (const region of regions) {
    const mm = positivePair([
      Math.abs(region.double("x0018602e") ?? 0) * 10,
      Math.abs(region.double("x0018602c") ?? 0) * 10,
    ]);
    if (mm === null || (found !== null && (found[0] !== mm[0] || found[1] !== mm[1]))) return null;
    found = mm;
  }
  return found;
}

/** Whether images of this kind are slices, whose place must be known: a CT, MR or PET image that is no screenshot. */
export function mustBePlaced(dataSet: DataSet): boolean {
  const isScreenshot = textOf(dataSet, "x00080016")?.startsWith("1.2.840.10008.5.1.4.1.1.7") === true;
  return !isScreenshot && new Set(["CT", "MR", "PT", "NM"]).has(textOf(dataSet, "x00080060") ?? "");
}

function positivePair(values: readonly number[] | null): readonly [number, number] | null {
  const [a = 0, b = 0] = values ?? [];
  return Number.isFinite(a) && Number.isFinite(b) && a > 0 && b > 0 ? [a, b] : null;
}
