import { deflateRawSync } from "node:zlib";
import { data, log } from "dcmjs";

/** Elements by tag (eight hexadecimal digits), as DICOM JSON has them. */
export type DicomElements = Record<string, { vr: string; Value?: unknown[] }>;

export const SYNTAX = {
  implicitLittle: "1.2.840.10008.1.2",
  explicitLittle: "1.2.840.10008.1.2.1",
  deflated: "1.2.840.10008.1.2.1.99",
  explicitBig: "1.2.840.10008.1.2.2",
  rle: "1.2.840.10008.1.2.5",
} as const;

/** Bytes of a DICOM file, written by dcmjs: another hand than the readers and the SEG writer under test. */
export function buildDicom(elements: DicomElements, transferSyntax: string = SYNTAX.explicitLittle): Uint8Array {
  log.disableAll();
  const dict = new data.DicomDict({
    "00020001": { vr: "OB", Value: [Uint8Array.of(0, 1).buffer] },
    "00020002": { vr: "UI", Value: elements["00080016"]?.Value ?? [] },
    "00020003": { vr: "UI", Value: elements["00080018"]?.Value ?? [] },
    "00020010": { vr: "UI", Value: [transferSyntax] },
    "00020012": { vr: "UI", Value: ["2.25.1234567"] },
  });
  dict.dict = elements;
  const file = new Uint8Array(dict.write({ allowInvalidVRLength: true }));
  return transferSyntax === SYNTAX.deflated ? deflatedAfterMeta(file) : file;
}

/** The data set alone, without preamble and file meta information. */
export function withoutPreamble(file: Uint8Array): Uint8Array {
  return file.slice(metaEnd(file));
}

/** dcmjs reads deflated files and does not write them: everything after the meta group is deflated here. */
function deflatedAfterMeta(file: Uint8Array): Uint8Array {
  const end = metaEnd(file);
  return Buffer.concat([file.subarray(0, end), deflateRawSync(file.subarray(end))]);
}

/** First byte after group 2: its length is the value of the first element, (0002,0000) UL. */
function metaEnd(file: Uint8Array): number {
  return 144 + new DataView(file.buffer, file.byteOffset).getUint32(140, true);
}
