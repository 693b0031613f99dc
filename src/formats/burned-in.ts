import type { FrameHeader } from "./frame-header.js";

/**
 * Images whose pixels come from the detector through a reconstruction: nobody writes into them. Of CT, MR and PET as
 * slices and as multi-frame objects, and of NM.
 */
const TOMOGRAPHY: ReadonlySet<string> = new Set([
  "1.2.840.10008.5.1.4.1.1.2",
  "1.2.840.10008.5.1.4.1.1.2.1",
  "1.2.840.10008.5.1.4.1.1.2.2",
  "1.2.840.10008.5.1.4.1.1.4",
  "1.2.840.10008.5.1.4.1.1.4.1",
  "1.2.840.10008.5.1.4.1.1.4.4",
  "1.2.840.10008.5.1.4.1.1.20",
  "1.2.840.10008.5.1.4.1.1.128",
  "1.2.840.10008.5.1.4.1.1.128.1",
  "1.2.840.10008.5.1.4.1.1.130",
]);
const MODALITIES: ReadonlySet<string> = new Set(["CT", "MR", "PT", "NM"]);

/**
 * Whether text may be burned into an image: unless it is tomography by class and modality, in grey, no screen shot by
 * its Image Type, and Burned In Annotation (0028,0301) does not say YES. Ultrasound, secondary captures, photographs
 * and projections often show the patient's name.
 */
export function mayShowText(header: Pick<FrameHeader, "rootText">): boolean {
  const isTomography =
    TOMOGRAPHY.has(header.rootText("x00080016") ?? header.rootText("x00020002") ?? "") &&
    MODALITIES.has(header.rootText("x00080060") ?? "");
  const isGrey = /^MONOCHROME[12]$/.test(header.rootText("x00280004") ?? "");
  const isScreenShot = /SCREEN|SAVE|CAPTURE/i.test(header.rootText("x00080008") ?? "");
  return !isTomography || !isGrey || isScreenShot || header.rootText("x00280301")?.toUpperCase() === "YES";
}
