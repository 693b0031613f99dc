import { RESULT_VERSION } from "#src/core/versions.js";
import type { DicomElement } from "./dicom-write.js";
import type { DicomSource } from "./scan.js";
import { sourceElements } from "./seg-source.js";

/** What names the maker of an object derived from a result. */
interface DerivedBy {
  readonly algorithm: { readonly name: string; readonly version: string };
  /** Every UID of the object is derived from this. */
  readonly identity: string;
}

/** Patient, study, frame of reference and equipment of an object without pixels, with the source's dates. */
export function derivedElements(source: DicomSource, { algorithm, identity }: DerivedBy): Record<string, DicomElement> {
  const ofImages = new Set(["00081115", "52009229"]);
  const copied = Object.entries(sourceElements(source)).filter(([tag]) => !ofImages.has(tag));
  return {
    ...Object.fromEntries(copied),
    "00080005": { vr: "CS", Value: ["ISO_IR 192"] },
    "00080070": { vr: "LO", Value: ["scanlane"] },
    "0008103E": { vr: "LO", Value: [`${algorithm.name} (research use only)`.slice(0, 64)] },
    "00081090": { vr: "LO", Value: [algorithm.name.slice(0, 64)] },
    "00181000": { vr: "LO", Value: [identity.slice(0, 16)] },
    "00181020": { vr: "LO", Value: [`result-${RESULT_VERSION}`, `model-${algorithm.version}`.slice(0, 64)] },
    "00200013": { vr: "IS", Value: [1] },
  };
}
