// Reading a CT series of 200 slices, 512 x 512, 12 bits, in five transfer syntaxes, beside dcm2niix and pydicom +
// nibabel: node --conditions=development --import tsx bench/formats-decode.ts --python <python> [--folder <kept series>]
// Build first: it is dist/ that is measured. Needs bash, dcm2niix, DCMTK and gdcmconv.
//
// Whole commands: `scanlane convert <folder> <file>.nii` and dcm2niix, from the start of the process to an
// uncompressed NIfTI in memory (/dev/shm). Library: findScans and loadScan to float32 in a process that has read the
// series once before; Python in a process of its own, without its start. In turn; medians. Seconds by the clock, and
// of the processors (user and system), which other work on the machine disturbs less.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ORACLE = fileURLToPath(new URL("formats-decode-oracle.py", import.meta.url));
const DIST = fileURLToPath(new URL("../dist/src/", import.meta.url));

/** Seconds by the clock and of the processors, and what tells readings of the same voxels. */
interface Reading {
  readonly clock: number;
  readonly processors: number;
  readonly voxels: string;
}

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    folder: { type: "string", default: join(tmpdir(), "formats-decode") },
    kinds: { type: "string", default: "raw,rle,jpeg-lossless,jpeg-ls,jpeg-2000" },
    repeats: { type: "string", default: "3" },
  },
});

/** Reads a series twice and prints the seconds of the second time. */
const LIBRARY = `
  const [dist, folder] = process.argv.slice(1);
  const { openPath } = await import(dist + "local/open-path.js");
  const { findScans } = await import(dist + "formats/find-scans.js");
  const { loadScan } = await import(dist + "formats/load-scan.js");
  for (let n = 0; n < 2; n++) {
    const [clock, processors] = [performance.now(), process.cpuUsage()];
    const entries = await openPath(folder);
    const { scans } = await findScans(entries);
    const { volume } = await loadScan(scans[0], entries);
    const { user, system } = process.cpuUsage(processors);
    const seconds = (performance.now() - clock) / 1000;
    if (n === 1) console.log(seconds, (user + system) / 1e6, volume.data.reduce((sum, value) => sum + value, 0));
  }`;

await compare(values.python, values.folder, values.kinds.split(","), Number(values.repeats));

async function compare(python: string, folder: string, kinds: readonly string[], repeats: number): Promise<void> {
  if (!existsSync(join(folder, "jpeg-2000", "199.dcm"))) execFileSync(python, [ORACLE, "make", folder]);
  const starts = Array.from({ length: 5 }, () => command([process.execPath, "-e", ""]));
  const start = median(starts);
  console.log(
    `Node.js alone: ${start.clock.toFixed(2)} s by the clock, ${start.processors.toFixed(2)} s of the processors.`,
  );
  console.log("\n| Series | convert | library, warm | dcm2niix | pydicom + nibabel | convert / dcm2niix | Voxels |");
  console.log("|---|---|---|---|---|---|---|");
  for (const kind of kinds) {
    const series = join(folder, kind);
    const [whole, library, dcm2niix, pydicom]: Reading[][] = [[], [], [], []];
    for (let n = 0; n < repeats; n++) {
      whole?.push(
        await converted((out) => [process.execPath, `${DIST}cli/main.js`, "convert", series, join(out, "out.nii")]),
      );
      dcm2niix?.push(await converted((out) => ["dcm2niix", "-z", "n", "-b", "n", "-f", "out", "-o", out, series]));
      library?.push(printed(process.execPath, ["--input-type=module", "-e", LIBRARY, DIST, series]));
      pydicom?.push(printed(python, [ORACLE, "read", series]));
    }
    const [a, b, c, d] = [whole, library, dcm2niix, pydicom].map((readings) => median(readings ?? []));
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error("nothing was read");
    const ratio = `${figure(a.clock / c.clock)} (${figure(a.processors / c.processors)})`;
    const alike = (x: Reading, y: Reading) => Number.isNaN(x.clock) || Number.isNaN(y.clock) || x.voxels === y.voxels;
    const verdict = alike(a, c) && alike(b, d) ? "equal" : "differ";
    console.log(`| ${[kind, ...[a, b, c, d].map(seconds), ratio, verdict].join(" | ")} |`);
  }
}

/** A command that writes the only .nii of a folder; not a number where it writes none. */
async function converted(args: (out: string) => readonly string[]): Promise<Reading> {
  const out = await mkdtemp("/dev/shm/formats-decode-");
  try {
    const reading = command(args(out));
    const name = (await readdir(out)).find((file) => file.endsWith(".nii"));
    if (name === undefined) return { clock: Number.NaN, processors: Number.NaN, voxels: "" };
    return { ...reading, voxels: await voxelsOf(join(out, name)) };
  } finally {
    await rm(out, { recursive: true });
  }
}

/** How a file's rows run is its writer's choice: the values alone, each as often as it is there. */
async function voxelsOf(path: string): Promise<string> {
  const file = await readFile(path);
  const [slope, intercept] = [file.readFloatLE(112) || 1, file.readFloatLE(116)];
  const stored = new Int16Array(file.buffer.slice(file.byteOffset + 352, file.byteOffset + file.length));
  const counts = new Float64Array(65_536);
  for (const value of stored)
    counts[value * slope + intercept + 32_768] = (counts[value * slope + intercept + 32_768] ?? 0) + 1;
  return createHash("sha256").update(new Uint8Array(counts.buffer)).digest("hex");
}

function command(args: readonly string[]): Reading {
  // The times of a child are bash's to know: Node.js does not give them.
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>&1';
  let text = "";
  try {
    text = execFileSync("bash", ["-c", `{ ${script}; } 2>&1 || true`, "bash", ...args], { encoding: "utf8" });
  } catch {
    return { clock: Number.NaN, processors: Number.NaN, voxels: "" };
  }
  const [clock = Number.NaN, user = Number.NaN, system = Number.NaN] = text.trim().split(/\s+/).map(Number);
  return { clock, processors: user + system, voxels: "" };
}

function printed(program: string, args: readonly string[]): Reading {
  const text = execFileSync(program, args, { encoding: "utf8" }).trim().split(/\s+/).map(Number);
  const [clock = Number.NaN, processors = Number.NaN, sum] = text;
  return { clock, processors, voxels: String(sum) };
}

function median(readings: readonly Reading[]): Reading {
  const middle = readings.toSorted((a, b) => a.clock - b.clock)[Math.floor(readings.length / 2)];
  if (middle === undefined) throw new RangeError("a median needs at least one reading");
  const processors = readings.map((reading) => reading.processors).toSorted((a, b) => a - b);
  return { ...middle, processors: processors[Math.floor(processors.length / 2)] ?? Number.NaN };
}

function seconds({ clock, processors }: Reading): string {
  return Number.isNaN(clock) ? "-" : `${figure(clock)} (${figure(processors)})`;
}

function figure(value: number): string {
  return Number.isNaN(value) ? "-" : value.toFixed(2);
}
