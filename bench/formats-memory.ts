// Peak memory of finding and loading a CT series of 600 slices of 512 x 512 in one zip: `npm run bench:memory`.
// "Decoded" is the volume as it is handed on, float32: 600 x 512 x 512 x 4 bytes = 629 MB. The limit is twice that,
// the zip itself and Node.js included. Making and reading are processes of their own, so that one's memory is not
// counted for the other.
import { spawnSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { ZipFile } from "yazl";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { openPath } from "#src/local/open-path.js";
import { buildDicom } from "../test/support/dicom-builder.js";
import { phantomSlice } from "../test/support/phantom-series.js";

const [SLICES, SIDE] = [600, 512];
const MB = 1e6;
const [what, path = ""] = process.argv.slice(2);

if (what === "make") await make(path);
else if (what === "read") await read(path);
else {
  const folder = await mkdtemp(join(tmpdir(), "formats-memory-"));
  const zip = join(folder, "series.zip");
  child("make", zip);
  console.log(`zip: ${((await stat(zip)).size / MB).toFixed(0)} MB, ${SLICES} slices of ${SIDE} x ${SIDE}`);
  child("read", zip);
  await rm(folder, { recursive: true });
}

function child(step: string, file: string): void {
  const { status } = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), step, file], {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`${step} failed`);
}

/** One slice is built, its position and UID written over for each of the others; pixels are a seeded noise of 9 bits. */
async function make(file: string): Promise<void> {
  const elements = phantomSlice({ size: [4, 4, 1] }, 0);
  elements["00080018"] = { vr: "UI", Value: ["1.2.3.10000"] };
  elements["00200032"] = { vr: "DS", Value: ["0", "0", "10000.5"] };
  elements["00280010"] = { vr: "US", Value: [SIDE] };
  elements["00280011"] = { vr: "US", Value: [SIDE] };
  elements["7FE00010"] = { vr: "OW", Value: [new ArrayBuffer(2 * SIDE * SIDE)] };
  const template = Buffer.from(buildDicom(elements));
  const [uid, z] = [Buffer.from("1.2.3.10000"), Buffer.from("10000.5")];
  const zip = new ZipFile();
  let state = 1;
  for (let k = 0; k < SLICES; k++) {
    const slice = Buffer.from(template);
    for (let at = slice.indexOf(uid); at >= 0; at = slice.indexOf(uid, at + 1)) slice.write(`1.2.3.${10_000 + k}`, at);
    slice.write(`${10_000 + k}.5`, slice.indexOf(z));
    for (let i = slice.length - 2 * SIDE * SIDE; i < slice.length; i += 2) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      slice.writeInt16LE(state >>> 23, i);
    }
    zip.addBuffer(slice, `${(k * 7) % SLICES}-${k}`, { mtime: new Date(0) });
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(file));
}

async function read(file: string): Promise<void> {
  const before = process.memoryUsage.rss();
  const entries = await openPath(file);
  const { scans } = await findScans(entries);
  const [scan] = scans;
  if (scan === undefined) throw new Error("no scan");
  const found = process.resourceUsage().maxRSS * 1024;
  const { volume } = await loadScan(scan, entries);
  const peak = process.resourceUsage().maxRSS * 1024;
  const decoded = volume.data.byteLength;
  console.log(
    [
      `decoded (float32): ${(decoded / MB).toFixed(0)} MB, ${volume.size.join(" x ")}`,
      `resident before: ${(before / MB).toFixed(0)} MB`,
      `peak after findScans: ${(found / MB).toFixed(0)} MB`,
      `peak after loadScan: ${(peak / MB).toFixed(0)} MB, ${(peak / decoded).toFixed(2)} times decoded`,
    ].join("\n"),
  );
}
