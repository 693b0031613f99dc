import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { uploadOf } from "../../support/fuzz/read-everything.js";

/** A Python with tifffile and Pillow: `PYTHON=… npm test`. */
const python = process.env.PYTHON ?? "python3";
const hasPictures = spawnSync(python, ["-c", "import tifffile, PIL, numpy"]).status === 0;

it.skipIf(!hasPictures)(
  "every picture that tifffile and Pillow write has the values that they read (needs tifffile and Pillow)",
  { timeout: 60_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "rasters-"));
    execFileSync(python, [fileURLToPath(new URL("../../support/make-rasters.py", import.meta.url)), folder]);
    const index: Record<string, [number, number]> = JSON.parse(readFileSync(join(folder, "index.json"), "utf8"));
    const wrong: string[] = [];
    for (const [name, [pages, pixels]] of Object.entries(index)) {
      const numbers = new Uint8Array(readFileSync(join(folder, `${name}.f64`)));
      const theirs = new Float64Array(numbers.buffer);
      const entries = [uploadOf(new Uint8Array(readFileSync(join(folder, name))), name)];
      const { scans } = await findScans(entries);
      if (scans.length !== pages) wrong.push(`${name}: ${scans.length} pages`);
      for (const [n, scan] of scans.entries()) {
        const { volume } = await loadScan(scan, entries);
        const page = theirs.subarray(n * pixels, (n + 1) * pixels);
        const worst = page.reduce((most, value, i) => Math.max(most, Math.abs(value - (volume.data[i] ?? 0))), 0);
        const scale = page.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        // float32 holds 24 bits; sums of three channels are rounded three times.
        if (volume.data.length !== pixels || worst > Math.max(1e-3, 1.2e-7 * scale)) wrong.push(`${name}: ${worst}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(Object.keys(index).length).toBeGreaterThan(100);
  },
);
