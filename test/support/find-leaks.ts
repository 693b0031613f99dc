import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { gunzipSync } from "node:zlib";

/**
 * Which of some strings are in the files below a folder: in their names, their bytes (as ASCII or UTF-16), in what is
 * packed by gzip, in whatever is written in base64, and in the chunks of a PNG but its pixels.
 *
 * @returns "file: string", sorted
 */
export async function findLeaks(root: string, needles: Iterable<string>): Promise<string[]> {
  const byStart = new Map<string, string[]>();
  for (const needle of needles) {
    const start = needle.slice(0, START);
    const same = byStart.get(start);
    if (same === undefined) byStart.set(start, [needle]);
    else same.push(needle);
  }
  const leaks = new Set<string>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(root, path);
    const views = [name, ...(entry.isFile() ? viewsOf(await readFile(path)) : [])];
    for (const view of views) for (const one of foundIn(view, byStart)) leaks.add(`${name}: ${one}`);
  }
  return [...leaks].sort();
}

/** Characters by which needles are looked up: none is shorter. */
const START = 4;

/** One pass, however many needles there are. */
function* foundIn(view: string, byStart: ReadonlyMap<string, readonly string[]>): Generator<string> {
  for (let at = 0; at + START <= view.length; at++) {
    for (const needle of byStart.get(view.slice(at, at + START)) ?? []) if (view.startsWith(needle, at)) yield needle;
  }
}

/** The bytes as text in every way that they can be read. */
function viewsOf(bytes: Buffer): string[] {
  const plain = bytes.toString("latin1");
  const narrow = plain.includes("\0") ? [plain.replaceAll("\0", "")] : [];
  return [plain, ...narrow, ...unpacked(bytes).flatMap(viewsOf), ...decoded(plain).flatMap(viewsOf)];
}

function unpacked(bytes: Buffer): Buffer[] {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return [gunzipSync(bytes)];
  if (bytes.subarray(1, 4).toString("latin1") !== "PNG") return [];
  // Pixels are colours and no text.
  const parts: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (bytes.toString("latin1", at + 4, at + 8) !== "IDAT") parts.push(body);
    at += 12 + length;
  }
  return parts;
}

/** Long runs of base64; a hex digest is one too, and decodes to nothing. */
function decoded(text: string): Buffer[] {
  const runs = text.match(/[A-Za-z0-9+/]{64,}={0,2}/g) ?? [];
  return runs.map((run) => Buffer.from(run, "base64"));
}
