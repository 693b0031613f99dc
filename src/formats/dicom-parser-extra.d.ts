// What dicom-parser has and its own types leave out.

import "dicom-parser";

declare module "dicom-parser" {
  interface DataSet {
    /** Of file meta information: where it ends. */
    readonly position?: number;
  }
  const DataSet: new (parser: ByteArrayParser, bytes: ByteArray, elements: Record<string, Element>) => DataSet;
}
