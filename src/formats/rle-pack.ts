/**
 * One frame in DICOM RLE (PS3.5 annex G): a header of 16 numbers, then each byte plane in PackBits, row by row.
 *
 * @param planes bytes of the samples, one plane for each byte of a sample, most significant first
 * @param columns of a row; no run goes beyond its row
 * @returns of even length
 */
export function packRle(planes: readonly Uint8Array[], columns: number): Uint8Array {
  const rows = planes.map((plane) => plane.length / columns);
  const most = rows.reduce((sum, count) => sum + count * (columns + Math.ceil(columns / 128)) + 1, 64);
  const out = new Uint8Array(most);
  const header = new DataView(out.buffer);
  header.setUint32(0, planes.length, true);
  let at = 64;
  for (const [n, plane] of planes.entries()) {
    header.setUint32(4 + 4 * n, at, true);
    for (let row = 0; row < plane.length; row += columns) at = packRow(plane, row, row + columns, out, at);
    // A segment is of even length; the padding is 0, which no reader reaches.
    at += at % 2;
  }
  return out.slice(0, at);
}

/** PackBits of `bytes` from `from` to before `end` into `out` at `at`; where it ends there. */
function packRow(bytes: Uint8Array, from: number, end: number, out: Uint8Array, at: number): number {
  let to = at;
  let start = from;
  while (start < end) {
    const value = bytes[start] ?? 0;
    const limit = Math.min(end, start + 128);
    let next = start + 1;
    while (next < limit && bytes[next] === value) next++;
    if (next - start > 1) {
      out[to++] = 257 - (next - start);
      out[to++] = value;
    } else {
      // Bytes as they are, up to where three alike begin: two alike cost the same either way.
      while (next < limit && !(bytes[next] === bytes[next + 1] && bytes[next] === bytes[next + 2] && next + 2 < end)) {
        next++;
      }
      out[to++] = next - start - 1;
      while (start < next) out[to++] = bytes[start++] ?? 0;
    }
    start = next;
  }
  return to;
}
