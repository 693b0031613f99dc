import { buildDicom, type DicomElements, SYNTAX } from "./dicom-builder.js";

/**
 * A DICOMDIR with an image record for each file. Its records are chained to a ring: each names as its next, and as the
 * one below it, a place in the file that is the same for all.
 *
 * @param files instance UID and parts of the path of each
 * @param transferSyntax what it is written in: the standard's explicit little endian, or another
 */
export function directoryFile(
  files: readonly (readonly [sopInstanceUid: string, path: readonly string[]])[],
  transferSyntax: string = SYNTAX.explicitLittle,
): Uint8Array {
  const ring = { vr: "UL", Value: [400] };
  const records = files.map(
    ([sopInstanceUid, path]): DicomElements => ({
      "00041400": ring,
      "00041410": { vr: "US", Value: [0xffff] },
      "00041420": ring,
      "00041430": { vr: "CS", Value: ["IMAGE"] },
      "00041500": { vr: "CS", Value: [...path] },
      "00041510": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.4"] },
      "00041511": { vr: "UI", Value: [sopInstanceUid] },
      "00041512": { vr: "UI", Value: ["1.2.840.10008.1.2.1"] },
    }),
  );
  return buildDicom(
    {
      "00041130": { vr: "CS", Value: ["PHANTOM"] },
      "00041200": ring,
      "00041202": ring,
      "00041212": { vr: "US", Value: [0] },
      "00041220": { vr: "SQ", Value: records },
      "00080016": { vr: "UI", Value: ["1.2.840.10008.1.3.10"] },
      "00080018": { vr: "UI", Value: ["2.25.77"] },
    },
    transferSyntax,
  );
}
