import { constants, gunzipSync } from "node:zlib";
import { validateFileName } from "yauzl";
import { PipelineError } from "#src/core/errors.js";
import type { UploadEntry } from "./scan.js";
import { gunzipToScratch } from "./scratch-file.js";
import { isTar, type ReadAt, tarMembers } from "./tar.js";

/** A file of an archive, not yet read. */
export interface ArchiveMember {
  readonly name: string;
  readonly size: number;
  readonly read: () => Promise<Uint8Array>;
  readonly readHead: (length: number) => Promise<Uint8Array>;
}

/** What `openTar` may unpack. */
export interface TarLimits {
  readonly maxEntries: number;
  /** Bytes of a whole gzip'd archive or file once unpacked. */
  readonly maxBytes: number;
}

/**
 * The files of a tar archive, plain or gzip'd, or the one of a gzip'd DICOM, NRRD or MetaImage file; null for anything
 * else (a gzip'd NIfTI is left to its reader). A gzip'd archive is unpacked to a scratch file, not to memory.
 *
 * @throws {PipelineError} InputUnreadable, InputUnsafe, InputUnsupported
 */
export async function openTar(file: UploadEntry, limits: TarLimits): Promise<readonly ArchiveMember[] | null> {
  const subject = `archive ${file.ordinal}`;
  const head = (await file.readHead?.(65_536)) ?? (await file.read());
  if (isTar(head)) {
    const bytes = await file.read();
    return membersOf(async (start, length) => bytes.subarray(start, start + length), bytes.length, subject, limits);
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) return null;
  const start = peek(head);
  if (start === null || !(isTar(start) || isPackedImage(start))) return null;
  try {
    const scratch = await gunzipToScratch(await file.read(), limits.maxBytes);
    if (isTar(start)) return await membersOf(scratch.readAt, scratch.size, subject, limits);
    const { size, readAt } = scratch;
    const name = file.name.replace(/\.gz$/i, "");
    return [{ name, size, read: () => readAt(0, size), readHead: (length) => readAt(0, length) }];
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    if (cause instanceof RangeError) {
      throw new PipelineError("InputUnsafe", `${subject} unpacks to more than ${limits.maxBytes} bytes, the limit`, {
        cause,
      });
    }
    // A full disk is no fault of the upload.
    if (!isZlibError(cause)) throw cause;
    throw new PipelineError("InputUnreadable", `${subject} is a gzip stream that is damaged or cut short`, { cause });
  }
}

async function membersOf(readAt: ReadAt, size: number, subject: string, limits: TarLimits): Promise<ArchiveMember[]> {
  const members = await tarMembers(readAt, size, subject, limits.maxEntries);
  return members.flatMap(({ path, size: length, start }, number) => {
    const relative = path.replace(/^(\.\/)+/, "");
    if (relative.includes("\\") || relative.includes("\0") || validateFileName(relative) !== null) {
      const message = `member ${number} of ${subject} has a path that leaves the archive's folder, expected a relative path with '/' alone`;
      throw new PipelineError("InputUnsafe", message);
    }
    if (isBookkeeping(relative)) return [];
    return {
      name: relative.slice(relative.lastIndexOf("/") + 1),
      size: length,
      read: () => readAt(start, length),
      readHead: (wanted: number) => readAt(start, Math.min(wanted, length)),
    };
  });
}

/** Files that systems add for themselves: hidden ones, and what macOS keeps beside each file of an archive. */
export function isBookkeeping(path: string): boolean {
  return path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX" || part === "Thumbs.db");
}

function isZlibError(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && String(cause.code).startsWith("Z_");
}

/** The first unpacked bytes of a gzip stream (64 KiB unpack to 64 MiB at the very most); null when there are none. */
function peek(head: Uint8Array): Uint8Array | null {
  try {
    return gunzipSync(head.subarray(0, 65_536), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return null;
  }
}

/** Formats whose own readers take no gzip'd file. */
function isPackedImage(start: Uint8Array): boolean {
  const opening = Buffer.from(start.subarray(0, 132)).toString("latin1");
  return opening.slice(128) === "DICM" || /^NRRD000[1-5]|^(ObjectType|NDims|Comment)\s*=/.test(opening);
}
