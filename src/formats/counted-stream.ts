import dicomParser, { type ByteArrayParser, type ByteStream } from "dicom-parser";

/** Bytes of a VR and what follows it, up to the length field of those whose length has four bytes. */
const VR_AND_RESERVED = 4;

/**
 * A stream that says of each element, item and fragment that dicom-parser reads from it. Counting in the stream itself
 * cannot miss one: a walk of its own over the same bytes takes another way wherever a file is odd, and parsers make an
 * object of each.
 *
 * @param count called before each of them; an error of it ends the reading
 */
export function countedStream(
  parser: ByteArrayParser,
  bytes: Uint8Array,
  position: number,
  count: () => void,
): ByteStream {
  const stream = new dicomParser.ByteStream(parser, bytes, position);
  const { readFixedString, readUint32 } = stream;
  let lengthOfNamed = -1;
  // Of an element with a VR the VR is read as text; all else is a tag and a length of 32 bits.
  stream.readFixedString = (length) => {
    count();
    lengthOfNamed = stream.position + VR_AND_RESERVED;
    return readFixedString.call(stream, length);
  };
  stream.readUint32 = () => {
    if (stream.position !== lengthOfNamed) count();
    return readUint32.call(stream);
  };
  return stream;
}
