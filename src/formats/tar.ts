import { PipelineError } from "#src/core/errors.js";

/** A regular file inside a tar archive. */
export interface TarMember {
  /** Path in the archive, with '/'. */
  readonly path: string;
  readonly size: number;
  /** Byte of the archive at which its content starts. */
  readonly start: number;
}

/** Reads bytes of the archive; fewer at its end. */
export type ReadAt = (start: number, length: number) => Promise<Uint8Array>;

const BLOCK = 512;
/** Names of the pax and GNU forms may be this long. */
const MAX_NAME_BYTES = 65_536;

/** Whether bytes start as a tar archive (POSIX ustar or GNU). */
export function isTar(head: Uint8Array): boolean {
  return text(head, 257, 5) === "ustar" && checksum(head) === octal(head, 148, 8);
}

/**
 * The files of a tar archive, in its order: ustar, pax and GNU long names. Nothing but headers is read.
 *
 * @param size bytes of the archive
 * @param maxMembers refused above this, and above as many headers of other kinds
 * @throws {PipelineError} InputUnreadable (damaged, cut short), InputUnsafe (links, devices, too many entries),
 * InputUnsupported (sparse files)
 */
export async function tarMembers(
  readAt: ReadAt,
  size: number,
  subject: string,
  maxMembers: number,
): Promise<readonly TarMember[]> {
  const members: TarMember[] = [];
  let next: { path?: string; size?: number } = {};
  let headers = 0;
  for (let at = 0; at + BLOCK <= size; ) {
    const header = await readAt(at, BLOCK);
    if (header.length < BLOCK || header.every((byte) => byte === 0)) break;
    if (checksum(header) !== octal(header, 148, 8)) throw damaged(`${subject} has a header with a wrong checksum`);
    if (headers++ > 2 * maxMembers || members.length > maxMembers) {
      throw new PipelineError("InputUnsafe", `${subject} holds more than ${maxMembers} files, expected at most that`);
    }
    const type = String.fromCharCode(header[156] ?? 0);
    const length = type === "x" || type === "L" ? sizeOf(header) : (next.size ?? sizeOf(header));
    const start = at + BLOCK;
    if (!Number.isSafeInteger(length) || length < 0 || start + length > size) {
      throw damaged(`${subject} is cut short or damaged: a file of ${length} bytes starts at byte ${start} of ${size}`);
    }
    at = start + Math.ceil(length / BLOCK) * BLOCK;
    if (type === "x" || type === "L") {
      if (length > MAX_NAME_BYTES) throw damaged(`${subject} has a name of ${length} bytes, expected at most 65536`);
      const bytes = await readAt(start, length);
      next = type === "L" ? { ...next, path: text(bytes, 0, length) } : { ...next, ...paxFields(bytes, subject) };
      continue;
    }
    const prefix = text(header, 345, 155);
    const name = text(header, 0, 100);
    const path = next.path ?? (prefix !== "" && text(header, 257, 6) === "ustar" ? `${prefix}/${name}` : name);
    next = {};
    switch (type) {
      case "0":
      case "\0":
      case "7":
        if (!path.endsWith("/")) members.push({ path, size: length, start });
        break;
      case "5":
      case "g":
        break;
      case "S":
        throw new PipelineError("InputUnsupported", `${subject} holds a sparse file, expected plain files`);
      default:
        throw new PipelineError("InputUnsafe", `${subject} holds a link or a device (type ${type}), expected files`);
    }
  }
  return members;
}

/** Records "length key=value\n" of a pax header; those of the path and size. */
function paxFields(bytes: Uint8Array, subject: string): { path?: string; size?: number } {
  const fields: { path?: string; size?: number } = {};
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(32, at);
    const length = blank === -1 ? 0 : Number(text(bytes, at, blank - at));
    if (!Number.isInteger(length) || length < 5 || at + length > bytes.length) {
      throw damaged(`${subject} has a damaged pax header`);
    }
    const record = Buffer.from(bytes.subarray(blank + 1, at + length - 1)).toString("utf8");
    const equals = record.indexOf("=");
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === "path") fields.path = value;
    if (key === "size") fields.size = Number(value);
    if (key.startsWith("GNU.sparse")) {
      throw new PipelineError("InputUnsupported", `${subject} holds a sparse file, expected plain files`);
    }
    at += length;
  }
  return fields;
}

/** Octal digits, or (GNU) a big-endian number marked by the first bit. */
function sizeOf(header: Uint8Array): number {
  if (((header[124] ?? 0) & 0x80) === 0) return octal(header, 124, 12);
  return header.subarray(125, 136).reduce((sum, byte) => sum * 256 + byte, 0);
}

function octal(bytes: Uint8Array, from: number, length: number): number {
  const digits = text(bytes, from, length).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

/** Sum of the header's bytes with its own checksum taken as blanks. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] ?? 0);
  return sum;
}

function text(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end)).toString("utf8");
}

function damaged(message: string): PipelineError {
  return new PipelineError("InputUnreadable", `${message}, expected a whole tar archive`);
}
