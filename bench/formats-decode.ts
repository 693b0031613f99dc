// Reading a CT series of 200 slices, 512 x 512, 12 bits, in five transfer syntaxes, beside dcm2niix and pydicom +
// nibabel: node --conditions=development --import tsx bench/formats-decode.ts --python <python> [--folder <kept series>]
// Each reading is a process of its own, in turn; medians of three. Needs dcm2niix, DCMTK and gdcmconv. What ours and
// Python's count is reading alone, without the start of the process; dcm2niix's is all of it, its uncompressed NIfTI
// written to memory (/dev/shm) included.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { openPath } from "#src/local/open-path.js";

const REPEATS = 3;
const ORACLE = fileURLToPath(new URL("formats-decode-oracle.py", import.meta.url));

/** How long a reading took, and the sum of all voxels: the same for all, or somebody reads something else. */
interface Reading {
  readonly seconds: number;
  readonly sum: number;
}

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    folder: { type: "string", default: join(tmpdir(), "formats-decode") },
    kinds: { type: "string", default: "raw,rle,jpeg-lossless,jpeg-ls,jpeg-2000" },
    read: { type: "string" },
  },
});

if (values.read === undefined) await compare(values.python, values.folder, values.kinds.split(","));
else {
  const { seconds, sum } = await readSeries(values.read);
  console.log(seconds, sum);
}

async function compare(python: string, folder: string, kinds: readonly string[]): Promise<void> {
  if (!existsSync(join(folder, "jpeg-2000", "199.dcm"))) execFileSync(python, [ORACLE, "make", folder]);
  console.log("| Series | scanlane, s | dcm2niix, s | pydicom + nibabel, s | scanlane / dcm2niix | Sums of voxels |");
  console.log("|---|---|---|---|---|---|");
  for (const kind of kinds) {
    const series = join(folder, kind);
    const [ours, dcm2niix, pydicom]: Reading[][] = [[], [], []];
    for (let n = 0; n < REPEATS; n++) {
      ours?.push(child(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), "--read", series]));
      dcm2niix?.push(await byDcm2niix(series));
      pydicom?.push(child(python, [ORACLE, "read", series]));
    }
    const [a, b, c] = [ours, dcm2niix, pydicom].map((readings) => median(readings ?? []));
    if (a === undefined || b === undefined || c === undefined) throw new Error("nothing was read");
    const sums = [a, b, c].filter(({ seconds }) => !Number.isNaN(seconds)).map(({ sum }) => sum);
    const verdict = sums.every((sum) => sum === a.sum) ? "equal" : sums.join(", ");
    const figures = [a.seconds, b.seconds, c.seconds, a.seconds / b.seconds].map((figure) =>
      Number.isNaN(figure) ? "-" : figure.toFixed(2),
    );
    console.log(`| ${[kind, ...figures, verdict].join(" | ")} |`);
  }
}

async function readSeries(folder: string): Promise<Reading> {
  const start = performance.now();
  const entries = await openPath(folder);
  const { scans } = await findScans(entries);
  const [scan] = scans;
  if (scan === undefined) throw new Error("no scan found");
  const { volume } = await loadScan(scan, entries);
  const seconds = (performance.now() - start) / 1000;
  let sum = 0;
  for (const value of volume.data) sum += value;
  return { seconds, sum };
}

async function byDcm2niix(series: string): Promise<Reading> {
  const out = await mkdtemp("/dev/shm/formats-decode-");
  try {
    const start = performance.now();
    try {
      execFileSync("dcm2niix", ["-z", "n", "-b", "n", "-f", "out", "-o", out, series], { stdio: "ignore" });
    } catch {
      return { seconds: Number.NaN, sum: Number.NaN };
    }
    const seconds = (performance.now() - start) / 1000;
    const name = (await readdir(out)).find((file) => file.endsWith(".nii"));
    if (name === undefined) return { seconds: Number.NaN, sum: Number.NaN };
    const file = await readFile(join(out, name));
    const [slope, intercept] = [file.readFloatLE(112) || 1, file.readFloatLE(116)];
    const stored = new Int16Array(file.buffer.slice(file.byteOffset + 352, file.byteOffset + file.length));
    let sum = 0;
    for (const value of stored) sum += value * slope + intercept;
    return { seconds, sum };
  } finally {
    await rm(out, { recursive: true });
  }
}

function child(command: string, args: readonly string[]): Reading {
  const [seconds = Number.NaN, sum = Number.NaN] = execFileSync(command, args, { encoding: "utf8" })
    .split(/\s+/)
    .map(Number);
  return { seconds, sum };
}

function median(readings: readonly Reading[]): Reading | undefined {
  return readings.toSorted((a, b) => a.seconds - b.seconds)[Math.floor(readings.length / 2)];
}
