import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNifti } from "#src/formats/nifti-read.js";
import { gzipDeterministic, writeNifti } from "#src/formats/nifti-write.js";
import type { Size3 } from "#src/imaging/affine.js";

/**
 * A NIfTI file of 100 MB (16-bit, smooth with noise as a CT) read, written, packed and unpacked, beside nibabel at the
 * same compression level (1, the default of both).
 *
 * @example node --conditions=development --import tsx bench/nifti.ts --python <python with nibabel>
 */
const { values } = parseArgs({
  options: { python: { type: "string", default: "python3" }, repeats: { type: "string", default: "3" } },
});
const size: Size3 = [512, 512, 200];
const repeats = Number(values.repeats);
const folder = mkdtempSync(join(tmpdir(), "nifti-"));

function median(work: () => void): number {
  const seconds = Array.from({ length: repeats }, () => {
    const started = performance.now();
    work();
    return (performance.now() - started) / 1000;
  });
  return seconds.toSorted((a, b) => a - b)[Math.floor(repeats / 2)] ?? 0;
}

try {
  let state = 1;
  const data = new Int16Array(size[0] * size[1] * size[2]);
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    data[i] = 300 * Math.sin(i / 9000) + 200 * Math.sin(i / 40) + (state >>> 27);
  }
  const grid = { size, spacingMm: [0.8, 0.8, 1.5], affineRas: [0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1.5, 0] } as const;
  const path = join(folder, "ours.nii");
  writeFileSync(path, writeNifti({ ...grid, data }));
  const ours = {
    read: median(() => readNifti(readFileSync(path))),
    write: median(() => writeFileSync(path, writeNifti({ ...grid, data }))),
    gzip: median(() => writeFileSync(`${path}.gz`, gzipDeterministic(writeNifti({ ...grid, data })))),
    gunzip: median(() => readNifti(readFileSync(`${path}.gz`))),
  };
  const oracle = join(import.meta.dirname, "nifti-oracle.py");
  const nibabel = JSON.parse(execFileSync(values.python, [oracle, path, folder, values.repeats], { encoding: "utf8" }));
  for (const [what, seconds] of Object.entries(ours)) {
    console.log(`${what}: ours ${seconds.toFixed(2)} s, nibabel ${nibabel[what].toFixed(2)} s`);
  }
  const megabytes = (file: string) => (statSync(join(folder, file)).size / 1e6).toFixed(1);
  console.log(`packed: ours ${megabytes("ours.nii.gz")} MB, nibabel ${megabytes("python.nii.gz")} MB`);
} finally {
  rmSync(folder, { recursive: true });
}
