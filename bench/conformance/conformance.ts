// npm run conformance -- <data folder>: reads every file there and compares with the oracles; writes docs/conformance.md.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { openPath } from "#src/local/open-path.js";
import { type ConformanceCase, conformanceCases } from "./cases.js";
import { conformancePage, type OracleRecord } from "./page.js";

/** What became of a case here. */
export interface OurReading {
  /** Float32 NIfTI files, one an image. */
  readonly ours: readonly string[];
  /** Sizes of the images, for the table. */
  readonly sizes: readonly string[];
  readonly warnings: readonly string[];
  /** Reason code of the refusal; null when it was read. */
  readonly code: string | null;
  /** Its words. */
  readonly reason: string | null;
}

async function readCase(one: ConformanceCase, folder: string, n: number): Promise<OurReading> {
  const ours: string[] = [];
  const sizes: string[] = [];
  const warnings = new Set<string>();
  try {
    const entries = await openPath(one.path);
    const found = await findScans(entries);
    for (const warning of found.warnings) warnings.add(warning.code);
    for (const scan of found.scans) {
      const { volume, warnings: more } = await loadScan(scan, entries);
      for (const warning of [...scan.warnings, ...more]) warnings.add(warning.code);
      const path = join(folder, `${n}-${ours.length}.nii`);
      await writeFile(path, writeNifti(volume));
      ours.push(path);
      sizes.push(volume.size.join(" x "));
    }
    return { ours, sizes, warnings: [...warnings], code: null, reason: null };
  } catch (error) {
    if (!(error instanceof PipelineError)) throw error;
    return { ours: [], sizes: [], warnings: [...warnings], code: error.code, reason: error.message };
  }
}

const [data = resolve(import.meta.dirname, "../../../shared/data")] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "conformance-"));
try {
  const cases = await conformanceCases(data);
  const read: (ConformanceCase & OurReading)[] = [];
  for (const [n, one] of cases.entries()) read.push({ ...one, ...(await readCase(one, folder, n)) });
  await writeFile(join(folder, "cases.json"), JSON.stringify(read));
  const python = process.env.PYTHON ?? "python3";
  execFileSync(python, [join(import.meta.dirname, "oracles.py"), folder], { stdio: ["ignore", "inherit", "ignore"] });
  const oracles: { case: string; oracles: Record<string, OracleRecord>; object: string | null }[] = JSON.parse(
    await readFile(join(folder, "oracles.json"), "utf8"),
  );
  const rows = read.map((one, n) => ({
    ...one,
    oracles: oracles[n]?.oracles ?? {},
    object: oracles[n]?.object ?? null,
  }));
  const page = resolve(import.meta.dirname, "../../docs/conformance.md");
  await writeFile(page, conformancePage(rows));
  console.log(`${rows.length} cases: ${page}`);
} finally {
  await rm(folder, { recursive: true });
}
