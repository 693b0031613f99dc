/**
 * A frame of JPEG lossless of 16 bits in which every pixel is the one before it: 2^15, by a code of one bit, 0.
 *
 * @param side pixels of a row and of a column, a multiple of 256
 */
export function flatJpegLossless(side: number): Uint8Array {
  const stream = new Uint8Array(60 + (side * side) / 8);
  const marker = (at: number, ...bytes: number[]) => stream.set(bytes, at);
  marker(0, 0xff, 0xd8);
  marker(2, 0xff, 0xc3, 0, 11, 16, side >> 8, 0, side >> 8, 0, 1, 1, 0x11, 0);
  marker(15, 0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  marker(37, 0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0);
  marker(stream.length - 2, 0xff, 0xd9);
  return stream;
}
