/** Elements of a data set, as far as they can be counted without reading them. */
export interface ElementCount {
  /** Outside of all sequences. */
  readonly outer: number;
  /** With those of sequences, and their items. */
  readonly all: number;
}

const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
const SEQUENCE_END = 0xfffee0dd;
const PIXELS = 0x7fe00010;
const UNDEFINED = 0xffffffff;
/** VRs whose length field has four bytes (PS3.5 7.1.2). */
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);

/**
 * Counts the elements of a data set up to its pixels, in one walk over their headers that keeps nothing: a parser makes
 * an object of each, so that 32 MB of the shortest ones take it minutes and 2 GB.
 *
 * What cannot be followed ends the count: it is a lower bound.
 *
 * @param start byte at which the data set begins
 * @param most counts no further once one of them is passed
 */
export function countElements(
  bytes: Uint8Array,
  start: number,
  syntax: { readonly isExplicit: boolean; readonly isLittle: boolean },
  most: ElementCount,
): ElementCount {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { isLittle } = syntax;
  const tagAt = (at: number) => view.getUint16(at, isLittle) * 0x10000 + view.getUint16(at + 2, isLittle);
  const startsItem = (at: number) => at + 4 <= bytes.length && [ITEM, SEQUENCE_END].includes(tagAt(at));
  /** Ends of the sequences that the walk is in; of those without a length, none. */
  const ends: number[] = [];
  /** How many sequences deep an unknown VR began, whose content is implicit. */
  let implicitFrom = Number.POSITIVE_INFINITY;
  let outer = 0;
  let all = 0;
  for (let at = start; at + 8 <= bytes.length && outer <= most.outer && all <= most.all; ) {
    while ((ends.at(-1) ?? Number.POSITIVE_INFINITY) <= at) ends.pop();
    if (ends.length < implicitFrom) implicitFrom = Number.POSITIVE_INFINITY;
    const tag = tagAt(at);
    if (tag === PIXELS && ends.length === 0) break;
    all++;
    if (tag === ITEM || tag === ITEM_END || tag === SEQUENCE_END) {
      if (tag === SEQUENCE_END) ends.pop();
      at += 8;
      continue;
    }
    if (ends.length === 0) outer++;
    const isExplicit = syntax.isExplicit && ends.length < implicitFrom;
    const vr = String.fromCharCode(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0);
    if (isExplicit && !/^[A-Z]{2}$/.test(vr)) break;
    const isLong = isExplicit && LONG.has(vr);
    if (isLong && at + 12 > bytes.length) break;
    const content = at + (isLong ? 12 : 8);
    const length = isExplicit && !isLong ? view.getUint16(at + 6, isLittle) : view.getUint32(content - 4, isLittle);
    const isSequence = vr === "SQ" && isExplicit ? true : startsItem(content) && (!isExplicit || vr === "UN");
    if (isSequence && length > 0) {
      ends.push(length === UNDEFINED ? Number.POSITIVE_INFINITY : content + length);
      if (isExplicit && vr === "UN") implicitFrom = ends.length;
      at = content;
    } else if (length === UNDEFINED) {
      break;
    } else {
      at = content + length;
    }
  }
  return { outer, all };
}
