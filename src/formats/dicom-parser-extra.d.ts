// What dicom-parser has and its own types leave out.

import "dicom-parser";

declare module "dicom-parser" {
  const DataSet: new (parser: ByteArrayParser, bytes: ByteArray, elements: Record<string, Element>) => DataSet;
}
