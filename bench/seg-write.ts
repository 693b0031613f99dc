import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { SegLabels, SegOptions } from "#src/formats/seg-options.js";
import { readSegGeometry } from "#src/formats/seg-read.js";
import { writeSeg } from "#src/formats/seg-write.js";

/**
 * Time and size of a DICOM SEG of 100 segments on 400 slices of 512 x 512, medians of three; beside highdicom, where
 * a Python with it is named (LABELMAP alone: its BINARY is 1.3 GB of frames).
 *
 * @example node --conditions=development --import tsx bench/seg-write.ts --python <python with highdicom>
 */
const { values } = parseArgs({
  options: {
    python: { type: "string" },
    size: { type: "string", default: "512x512x400" },
    segments: { type: "string", default: "100" },
    kinds: { type: "string", default: "labelmap,binary" },
  },
});
const [nx = 0, ny = 0, nz = 0] = values.size.split("x").map(Number);
const count = Number(values.segments);
const labels = organs();
const term = { value: "123037004", scheme: "SCT", meaning: "Anatomical Structure" };
const options: SegOptions & SegLabels = {
  labels: {
    size: [nx, ny, nz],
    affineRas: [-0.7, 0, 0, 0, 0, -0.7, 0, 0, 0, 0, 1.5, 0],
    spacingMm: [0.7, 0.7, 1.5],
    data: labels,
  },
  source: {
    attributes: {},
    studyInstanceUid: "1.2.826.0.1.3680043.10.1",
    seriesInstanceUid: "1.2.826.0.1.3680043.10.2",
    frameOfReferenceUid: "1.2.826.0.1.3680043.10.3",
    slices: Array.from({ length: nz }, (_, k) => ({
      sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
      sopInstanceUid: `1.2.826.0.1.3680043.10.4.${k + 1}`,
      frame: null,
      positionLps: [0, 0, 1.5 * k],
    })),
    orientationLps: [1, 0, 0, 0, 1, 0],
    pixelSpacingMm: [0.7, 0.7],
    sliceThicknessMm: 1.5,
  },
  segments: Array.from({ length: count }, (_, n) => ({
    value: n + 1,
    name: `organ-${n + 1}`,
    displayName: `Organ ${n + 1}`,
    category: term,
    type: term,
    colourRgb: [(n * 37) % 256, (n * 91) % 256, (n * 53) % 256],
  })),
  algorithm: { name: "bench", version: "1" },
  identity: "r-0123456789abcdef0123456789abcdef01234567",
};

const filled = labels.reduce((sum, label) => sum + (label === 0 ? 0 : 1), 0) / labels.length;
console.log(`${count} segments on ${values.size}, ${(100 * filled).toFixed(1)} % of voxels labelled`);
for (const kind of ["labelmap", "binary"] as const) {
  if (!values.kinds.split(",").includes(kind)) continue;
  const [writing, reading]: [number[], number[]] = [[], []];
  let bytes = 0;
  for (let run = 0; run < 3; run++) {
    const started = performance.now();
    const seg = writeSeg({ ...options, kind });
    const written = performance.now();
    readSegGeometry(seg);
    writing.push((written - started) / 1000);
    reading.push((performance.now() - written) / 1000);
    bytes = seg.length;
  }
  console.log(
    `${kind}: written in ${median(writing)} s, read back in ${median(reading)} s, ${(bytes / 1e6).toFixed(2)} MB`,
  );
}

if (values.python !== undefined) {
  const folder = mkdtempSync(join(tmpdir(), "seg-bench-"));
  const file = join(folder, "map.raw");
  writeFileSync(file, labels);
  const script = new URL("seg-write-oracle.py", import.meta.url).pathname;
  spawnSync(values.python, [script, file, ...[nx, ny, nz, count].map(String)], { stdio: "inherit" });
  rmSync(folder, { recursive: true });
}

function median(seconds: readonly number[]): string {
  return (seconds.toSorted((a, b) => a - b)[seconds.length >> 1] ?? 0).toFixed(2);
}

/** Ellipsoids within an oval body, the later over the earlier, their edges wavy as organs' are. */
function organs(): Uint8Array {
  const out = new Uint8Array(nx * ny * nz);
  let seed = 7;
  const draw = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (let label = 1; label <= count; label++) {
    const [turn, out2] = [2 * Math.PI * draw(), 0.36 * Math.sqrt(draw())];
    const [cx, cy, cz] = [nx * (0.5 + out2 * Math.cos(turn)), ny * (0.5 + 0.75 * out2 * Math.sin(turn)), nz * draw()];
    const [rx, ry, rz] = [nx * (0.02 + 0.06 * draw()), ny * (0.02 + 0.06 * draw()), nz * (0.03 + 0.12 * draw())];
    for (let z = Math.max(0, Math.ceil(cz - rz)); z < Math.min(nz, cz + rz); z++) {
      for (let y = Math.max(0, Math.ceil(cy - ry)); y < Math.min(ny, cy + ry); y++) {
        const rest = 1 - ((z - cz) / rz) ** 2 - ((y - cy) / ry) ** 2;
        if (rest <= 0) continue;
        const half = rx * Math.sqrt(rest) + 1.5 * Math.sin(y / 3 + z / 5 + label);
        const from = Math.max(0, Math.ceil(cx - half));
        const to = Math.min(nx, Math.ceil(cx + half));
        if (to > from) out.fill(label, nx * (y + ny * z) + from, nx * (y + ny * z) + to);
      }
    }
  }
  return out;
}
