import dicomParser, { type DataSet } from "dicom-parser";

/** An element of a DICOM file, in whatever sequence it lies. */
export interface ReadElement {
  /** Eight hexadecimal digits, upper case. */
  readonly tag: string;
  /** As text without padding; empty for a sequence, and of bytes and binary numbers no text that means something. */
  readonly text: string;
}

/** All elements of a file, file meta information and the items of sequences too, each before its items. */
export function* elementsOf(bytes: Uint8Array): Generator<ReadElement> {
  yield* below(dicomParser.parseDicom(bytes));
}

function* below(dataSet: DataSet): Generator<ReadElement> {
  for (const { tag, items } of Object.values(dataSet.elements)) {
    const text = items === undefined ? (dataSet.string(tag) ?? "") : "";
    yield { tag: tag.slice(1).toUpperCase(), text: text.replaceAll("\0", "").trim() };
    for (const item of items ?? []) if (item.dataSet !== undefined) yield* below(item.dataSet);
  }
}
