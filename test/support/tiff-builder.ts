import { deflateSync } from "node:zlib";

/** How `buildTiff` packs strips and tiles. */
export type TiffPacking = "none" | "deflate" | "packbits" | "lzw";
const COMPRESSION = { none: 1, lzw: 5, deflate: 8, packbits: 32_773 } as const;

/** A made-up TIFF file of grey or colour pixels. */
export interface TiffFields {
  readonly width: number;
  readonly height: number;
  /** Sample of a page at a column and row. */
  readonly sampleAt: (x: number, y: number, page: number, sample: number) => number;
  readonly pages?: number;
  /** 1: grey; 2: grey with alpha; 3: RGB, interleaved. */
  readonly samples?: 1 | 2 | 3;
  readonly kind?: "uint8" | "int16" | "uint16" | "uint32" | "float32" | "float64";
  readonly littleEndian?: boolean;
  readonly packing?: TiffPacking;
  /** Rows of a strip, or width and height of a tile. */
  readonly blocks?: { readonly rows: number } | { readonly tile: readonly [width: number, height: number] };
  /** Photometric interpretation. */
  readonly photometric?: number;
  /** 2: differences of neighbours; 3: the same of real numbers' bytes, sorted by weight. */
  readonly predictor?: 2 | 3;
  /** Bytes between the lists of strips or tiles and the directory that names them. */
  readonly apart?: number;
  /** Values of tags in place of those that the other fields make. */
  readonly tags?: Readonly<Record<number, readonly number[]>>;
}

const WIDTH = { uint8: 1, int16: 2, uint16: 2, uint32: 4, float32: 4, float64: 8 } as const;
const SAMPLE_FORMAT = { uint8: 1, int16: 2, uint16: 1, uint32: 1, float32: 3, float64: 3 } as const;

/** Bytes of a TIFF 6.0 file, put together field by field. */
export function buildTiff(fields: TiffFields): Uint8Array {
  const { width, height, pages = 1, samples = 1, kind = "uint8", littleEndian: little = true } = fields;
  const { packing = "none", blocks = { rows: height }, photometric = samples === 3 ? 2 : 1 } = fields;
  const [bw, bh] = "tile" in blocks ? blocks.tile : [width, blocks.rows];
  const parts: Buffer[] = [Buffer.alloc(8)];
  let end = 8;
  const append = (bytes: Uint8Array): number => {
    const at = end;
    const even = Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)]);
    parts.push(even);
    end += even.length;
    return at;
  };
  const numbers = (size: 2 | 4, values: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(size * values.length);
    for (const [i, value] of values.entries()) {
      if (size === 2) little ? bytes.writeUInt16LE(value, 2 * i) : bytes.writeUInt16BE(value, 2 * i);
      else little ? bytes.writeUInt32LE(value, 4 * i) : bytes.writeUInt32BE(value, 4 * i);
    }
    return bytes;
  };
  const directories: number[] = [];
  const nexts: number[] = [];
  for (let page = 0; page < pages; page++) {
    const [offsets, counts]: number[][] = [[], []];
    for (let top = 0; top < height; top += bh) {
      for (let left = 0; left < width; left += bw) {
        // The last strip is shorter; a tile at the edge is whole.
        const rows = "tile" in blocks ? bh : Math.min(bh, height - top);
        const bytes = new DataView(new ArrayBuffer(bw * rows * samples * WIDTH[kind]));
        for (let i = 0; i < bw * rows * samples; i++) {
          const [x, y] = [left + (Math.floor(i / samples) % bw), top + Math.floor(i / samples / bw)];
          put(bytes, i, x < width && y < height ? fields.sampleAt(x, y, page, i % samples) : 0, kind, little);
        }
        predict(bytes, { ...fields, kind, little, row: bw * samples, samples });
        const packed = pack(new Uint8Array(bytes.buffer), packing);
        offsets?.push(append(packed));
        counts?.push(packed.length);
      }
    }
    const tags: [tag: number, type: 3 | 4, values: readonly number[]][] = [
      [256, 4, [width]],
      [257, 4, [height]],
      [258, 3, new Array(samples).fill(8 * WIDTH[kind])],
      [259, 3, [COMPRESSION[packing]]],
      [262, 3, [photometric]],
      ...("tile" in blocks ? [] : [[273, 4, offsets ?? []] as [number, 4, number[]]]),
      [277, 3, [samples]],
      ...("tile" in blocks
        ? ([
            [322, 3, [bw]],
            [323, 3, [bh]],
            [324, 4, offsets ?? []],
            [325, 4, counts ?? []],
          ] as [number, 3 | 4, number[]][])
        : ([
            [278, 4, [bh]],
            [279, 4, counts ?? []],
          ] as [number, 3 | 4, number[]][])),
      ...(fields.predictor === undefined ? [] : [[317, 3, [fields.predictor]] as [number, 3, number[]]]),
      [339, 3, new Array(samples).fill(SAMPLE_FORMAT[kind])],
    ];
    tags.sort(([a], [b]) => a - b);
    const entries = tags.map(([tag, type, made]) => {
      const values = fields.tags?.[tag] ?? made;
      const bytes = numbers(type === 3 ? 2 : 4, values);
      const inline = bytes.length <= 4 ? Buffer.concat([bytes, Buffer.alloc(4 - bytes.length)]) : null;
      return Buffer.concat([
        numbers(2, [tag, type]),
        numbers(4, [values.length]),
        inline ?? numbers(4, [append(bytes)]),
      ]);
    });
    if (fields.apart !== undefined) append(Buffer.alloc(fields.apart));
    directories.push(append(Buffer.concat([numbers(2, [entries.length]), ...entries, Buffer.alloc(4)])));
    nexts.push(end - 4 - ((2 + 12 * entries.length + 4) % 2));
  }
  const file = Buffer.concat(parts);
  file.write(little ? "II" : "MM", 0, "latin1");
  numbers(2, [42]).copy(file, 2);
  numbers(4, [directories[0] ?? 0]).copy(file, 4);
  for (const [page, at] of nexts.entries()) numbers(4, [directories[page + 1] ?? 0]).copy(file, at);
  return new Uint8Array(file);
}

function put(view: DataView, i: number, value: number, kind: keyof typeof WIDTH, little: boolean): void {
  if (kind === "uint8") view.setUint8(i, value);
  else if (kind === "int16") view.setInt16(2 * i, value, little);
  else if (kind === "uint16") view.setUint16(2 * i, value, little);
  else if (kind === "uint32") view.setUint32(4 * i, value, little);
  else if (kind === "float32") view.setFloat32(4 * i, value, little);
  else view.setFloat64(8 * i, value, little);
}

interface Predicted {
  readonly predictor?: 2 | 3;
  readonly kind: keyof typeof WIDTH;
  readonly little: boolean;
  /** Samples of a row, and of a pixel. */
  readonly row: number;
  readonly samples: number;
}

/** In place, from the end of each row on. */
function predict(view: DataView, { predictor, kind, little, row, samples }: Predicted): void {
  const size = WIDTH[kind];
  for (let at = 0; predictor !== undefined && at < view.byteLength; at += row * size) {
    if (predictor === 2) {
      for (let i = row - 1; i >= samples; i--) {
        const [here, before] = [at + i * size, at + (i - samples) * size];
        if (size === 1) view.setUint8(here, view.getUint8(here) - view.getUint8(before));
        else if (size === 2)
          view.setUint16(here, view.getUint16(here, little) - view.getUint16(before, little), little);
        else view.setUint32(here, view.getUint32(here, little) - view.getUint32(before, little), little);
      }
      continue;
    }
    const bytes = new Uint8Array(view.buffer, at, row * size);
    const own = bytes.slice();
    for (let i = 0; i < row; i++) {
      for (let b = 0; b < size; b++) bytes[b * row + i] = own[i * size + (little ? size - 1 - b : b)] ?? 0;
    }
    for (let i = bytes.length - 1; i >= samples; i--) bytes[i] = (bytes[i] ?? 0) - (bytes[i - samples] ?? 0);
  }
}

function pack(bytes: Uint8Array, packing: TiffPacking): Uint8Array {
  if (packing === "deflate") return deflateSync(bytes);
  if (packing === "packbits") return packBits(bytes);
  return packing === "lzw" ? packLzw(bytes) : bytes;
}

/** Runs of two and more as runs, everything else a byte at a time (TIFF 6.0, section 9). */
function packBits(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const value = bytes[at] ?? 0;
    let run = 1;
    while (run < 128 && bytes[at + run] === value && at + run < bytes.length) run++;
    if (run === 1) out.push(0, value);
    else out.push(257 - run, value);
    at += run;
  }
  return Uint8Array.from(out);
}

/** Section 13 of TIFF 6.0: codes of 9 to 12 bits, the widest first bit first, one code early. */
function packLzw(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  let held = 0;
  let bits = 0;
  const write = (code: number, width: number): void => {
    held = (held << width) | code;
    bits += width;
    while (bits >= 8) {
      bits -= 8;
      out.push((held >> bits) & 255);
    }
    held &= (1 << bits) - 1;
  };
  let table = new Map<string, number>();
  let next = 258;
  let width = 9;
  write(256, width);
  let word = "";
  const codeOf = (text: string): number => (text.length === 1 ? text.charCodeAt(0) : (table.get(text) ?? 0));
  for (const byte of bytes) {
    const letter = String.fromCharCode(byte);
    if (word === "" || table.has(word + letter)) {
      word += letter;
      continue;
    }
    write(codeOf(word), width);
    table.set(word + letter, next++);
    if (next === 4094) {
      write(256, width);
      [table, next, width] = [new Map(), 258, 9];
    } else if (next >= 1 << width) width = Math.min(12, width + 1);
    word = letter;
  }
  if (word !== "") {
    write(codeOf(word), width);
    next++;
    if (next >= 1 << width) width = Math.min(12, width + 1);
  }
  write(257, width);
  if (bits > 0) out.push((held << (8 - bits)) & 255);
  return Uint8Array.from(out);
}
