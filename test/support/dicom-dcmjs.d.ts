/** The part of dcmjs that tests write files with; the package has no types. */
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
  export const data: { DicomDict: typeof DicomDict };
  export const log: { disableAll(): void };
}
