import { crc32, inflateRawSync } from "node:zlib";
import type { Entry, ZipFile } from "yauzl";
import { PipelineError } from "#src/core/errors.js";
import { readAhead } from "./read-ahead.js";
import type { ReadLoan, UploadEntry } from "./scan.js";
import { isTar } from "./tar.js";
import { isBookkeeping, openTar } from "./tar-archive.js";

/** How far archives of one upload may unpack. */
export interface UploadLimits {
  /** Files in all archives together. @default 20,000 */
  readonly maxEntries?: number;
  /** Bytes of one unpacked file. @default 4 GiB - 1 */
  readonly maxEntryBytes?: number;
  /** Bytes of all unpacked files together. @default 16 GiB */
  readonly maxTotalBytes?: number;
  /**
   * Unpacked bytes for each byte of an archive, asked of archives that unpack to more than 256 MiB. Images seldom
   * pack better than 10 to 1, empty ones up to 1,000 to 1. @default 200
   */
  readonly maxRatio?: number;
}

const DEFAULT_LIMITS: Required<UploadLimits> = {
  maxEntries: 20_000,
  maxEntryBytes: 4 * 1024 ** 3 - 1,
  maxTotalBytes: 16 * 1024 ** 3,
  maxRatio: 200,
};
const HEAD_BYTES = 512;
/** Below this an archive may pack as well as it likes. */
const RATIO_FREE_BYTES = 256 * 1024 ** 2;

/**
 * The files of an upload with its archives (zip, tar, tar.gz; told by content, not by name) replaced by what is in
 * them. A gzip'd DICOM, NRRD or MetaImage file is unpacked too; hidden files of an archive are left out. Ordinals
 * are given anew, from 0: uploaded files in their order, an archive's files in the order of its directory. Archives
 * inside archives stay closed.
 *
 * Nothing of a zip is unpacked here: an entry is when it is read, and then never to more bytes than the archive's
 * directory promised, which is what the limits are held against. A tar.gz, which has no directory, is unpacked to a
 * scratch file within the same limits.
 *
 * @throws {PipelineError} InputUnsafe (limits, parent or absolute paths, backslashes, links), InputUnsupported
 * (encrypted, unknown compression), InputUnreadable (damaged); the same from an entry's `read`
 */
export async function expandUpload(
  files: readonly UploadEntry[],
  limits: UploadLimits = {},
): Promise<readonly UploadEntry[]> {
  const budget = { ...DEFAULT_LIMITS, ...limits };
  const out: UploadEntry[] = [];
  let unpacked = 0;
  // Zip, tar and gzip are all told by this much: most files need no more looking at.
  const heads = readAhead(files, {
    read: async (file) => (await file.readHead?.(HEAD_BYTES)) ?? (await file.read()),
    bytesOf: (file) => (file.readHead === undefined ? file.size : HEAD_BYTES),
  });
  for await (const [file, readHead] of heads) {
    const head = await readHead();
    const archive = isZip(head) ? await openArchive(file) : null;
    const subject = `archive ${file.ordinal}`;
    const mayBeTar = archive === null && (isTar(head) || (head[0] === 0x1f && head[1] === 0x8b));
    const tar = mayBeTar ? await openTar(file, tarLimits(budget, file, unpacked)) : null;
    if (tar !== null) {
      assertWithin(tar.length + out.length, budget.maxEntries, `${subject} brings the upload to`, "files");
      for (const [n, member] of tar.entries()) {
        assertWithin(member.size, budget.maxEntryBytes, `member ${n} of ${subject} unpacks to`, "bytes");
        unpacked += member.size;
        out.push({ ordinal: out.length, ...member });
      }
      assertWithin(unpacked, budget.maxTotalBytes, `${subject} brings the upload to`, "bytes unpacked");
      continue;
    }
    if (archive === null) {
      const { name, size, sha256, isRemote } = file;
      const entry = {
        ...{ ordinal: out.length, name, size },
        ...(sha256 !== undefined && { sha256 }),
        ...(isRemote !== undefined && { isRemote }),
        read: (loan?: ReadLoan) => file.read(loan),
      };
      out.push(
        file.readHead === undefined
          ? entry
          : { ...entry, readHead: (length) => file.readHead?.(length) ?? file.read() },
      );
      continue;
    }
    const members = await membersOf(archive, subject, budget, out.length);
    const bytes = members.reduce((sum, member) => sum + member.uncompressedSize, 0);
    unpacked += bytes;
    assertWithin(unpacked, budget.maxTotalBytes, `${subject} brings the upload to`, "bytes unpacked");
    const ratio = bytes / archive.bytes.length;
    if (bytes > RATIO_FREE_BYTES) {
      assertWithin(Math.round(ratio), budget.maxRatio, `${subject} unpacks`, "times its size");
    }
    for (const member of members) {
      const ordinal = out.length;
      const read = () => readMember(archive, member, `entry ${ordinal}`);
      out.push({ ordinal, name: baseName(member), size: member.uncompressedSize, read });
    }
  }
  return out;
}

/** A gzip'd archive may unpack as far as the upload's budget goes, and as its own size allows beyond 256 MiB. */
function tarLimits(budget: Required<UploadLimits>, file: UploadEntry, unpacked: number) {
  const byRatio = Math.max(RATIO_FREE_BYTES, file.size * budget.maxRatio);
  return { maxEntries: budget.maxEntries, maxBytes: Math.min(byRatio, budget.maxTotalBytes - unpacked) };
}

interface Archive {
  readonly zip: ZipFile;
  readonly bytes: Buffer;
  /** Whether a name leads to no place outside the archive's folder. */
  readonly isSafeName: (name: string) => boolean;
}

/** A local file header, or the end record of an archive with nothing in it. */
function isZip(head: Uint8Array): boolean {
  const [p, k, a, b] = head;
  return p === 0x50 && k === 0x4b && ((a === 3 && b === 4) || (a === 5 && b === 6));
}

async function openArchive(file: UploadEntry): Promise<Archive> {
  const whole = await file.read();
  const bytes = Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength);
  // Loaded when there is a zip: starting up counts.
  const { fromBufferPromise, validateFileName } = await import("yauzl");
  try {
    const zip = await fromBufferPromise(bytes, { decodeStrings: false, lazyEntries: true, validateEntrySizes: true });
    return { zip, bytes, isSafeName: (name) => validateFileName(name) === null };
  } catch (cause) {
    throw damaged(`archive ${file.ordinal}`, "a zip directory at its end", cause);
  }
}

async function membersOf(
  { zip, isSafeName }: Archive,
  subject: string,
  budget: Required<UploadLimits>,
  already: number,
): Promise<Entry[]> {
  assertWithin(zip.entryCount + already, budget.maxEntries, `${subject} brings the upload to`, "files");
  const members: Entry[] = [];
  let number = 0;
  try {
    for await (const member of zip.eachEntry()) {
      assertSafe(member, isSafeName, `member ${number++} of ${subject}`);
      if (nameOf(member).endsWith("/") || isBookkeeping(nameOf(member))) continue;
      assertWithin(
        member.uncompressedSize,
        budget.maxEntryBytes,
        `member ${number - 1} of ${subject} unpacks to`,
        "bytes",
      );
      members.push(member);
    }
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    throw damaged(subject, `a zip directory of ${zip.entryCount} entries`, cause);
  }
  return members;
}

function assertSafe(member: Entry, isSafeName: Archive["isSafeName"], subject: string): void {
  const name = nameOf(member);
  if (name.includes("\\") || name.includes("\0") || !isSafeName(name)) {
    throw unsafe(`${subject} has a path that leaves the archive's folder, expected a relative path with '/' alone`);
  }
  // Made by Unix (3): the upper half of the attributes is the file mode.
  const mode = member.versionMadeBy >> 8 === 3 ? member.externalFileAttributes >>> 16 : 0;
  if ((mode & 0o170000) === 0o120000) throw unsafe(`${subject} is a symbolic link, expected a file`);
  if ((member.generalPurposeBitFlag & 0x41) !== 0) {
    throw new PipelineError("InputUnsupported", `${subject} is encrypted, expected an archive without a password`);
  }
  if (member.compressionMethod !== 0 && member.compressionMethod !== 8) {
    const message = `${subject} is packed by method ${member.compressionMethod}, expected 0 (stored) or 8 (deflate)`;
    throw new PipelineError("InputUnsupported", message);
  }
}

async function readMember(archive: Archive, member: Entry, subject: string): Promise<Uint8Array> {
  const { uncompressedSize: size } = member;
  let bytes: Uint8Array;
  try {
    const { fileDataStart } = await archive.zip.readLocalFileHeaderPromise(member, { minimal: true });
    const packed = archive.bytes.subarray(fileDataStart, fileDataStart + member.compressedSize);
    // One byte more than promised is already too much; zlib refuses a limit of 0.
    bytes = member.compressionMethod === 0 ? packed : inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw unsafe(`${subject} unpacks to more than the ${size} bytes that the archive's directory names`);
    }
    throw damaged(subject, `${size} bytes of packed data`, cause);
  }
  if (bytes.length !== size) throw damaged(subject, `${size} bytes, found ${bytes.length}`);
  if (crc32(bytes) !== member.crc32) throw damaged(subject, "its bytes to have the checksum that the archive names");
  return bytes;
}

function assertWithin(found: number, limit: number, subject: string, unit: string): void {
  if (found > limit) throw unsafe(`${subject} ${found} ${unit}, expected at most ${limit}`);
}

function nameOf(member: Entry): string {
  return member.fileNameRaw.toString("utf8");
}

function baseName(member: Entry): string {
  const name = nameOf(member);
  return name.slice(name.lastIndexOf("/") + 1);
}

function unsafe(message: string): PipelineError {
  return new PipelineError("InputUnsafe", message);
}

function damaged(subject: string, expected: string, cause?: unknown): PipelineError {
  return new PipelineError("InputUnreadable", `${subject} is damaged or cut short, expected ${expected}`, { cause });
}
