/** The part of dcmjs that tests write and read files with; the package has no types. */
declare module "dcmjs" {
  interface DicomJsonElement {
    vr: string;
    Value?: unknown[];
  }
  class DicomDict {
    constructor(meta: Record<string, DicomJsonElement>);
    dict: Record<string, DicomJsonElement>;
    write(options?: { allowInvalidVRLength: boolean }): ArrayBuffer;
  }
  /** The values of a segmentation by their keywords. */
  interface NaturalSeg {
    NumberOfFrames: number;
    SegmentSequence: { SegmentLabel: string }[];
    PerFrameFunctionalGroupsSequence: unknown[];
    PixelData: ArrayBuffer[];
  }
  export const data: {
    DicomDict: typeof DicomDict;
    DicomMessage: { readFile(bytes: ArrayBuffer): DicomDict };
    DicomMetaDictionary: {
      naturalizeDataset(elements: Record<string, DicomJsonElement>): NaturalSeg;
      /** The data dictionary (PS3.6) by keyword; tags as "(0010,0020)". */
      nameMap: Record<string, { readonly tag: string; readonly vr: string }>;
    };
  };
  export const log: { disableAll(): void };
}
