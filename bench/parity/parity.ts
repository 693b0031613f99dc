import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { EXIT } from "#src/cli/exit-codes.js";
import { overlapOfLabels } from "#src/evaluate/overlap.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { FLOAT16_VALUES } from "#src/imaging/float16.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { SourceGridExport } from "#src/inference/to-source-grid.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { folderModels } from "#src/model/model-library.js";

/**
 * Labels of imported nnU-Net models beside nnU-Net's own: from the same logits, and from the scan on. Started by
 * `bench/parity/run.sh`, which makes the models; appends one line of the table a case.
 *
 * @example node --conditions=development --import tsx bench/parity/parity.ts --python <python> --work <folder> \
 *   --model <results folder of a configuration> --folds 0,1 --mirroring mirror [--previous <name of imported>] <image...>
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python3" },
    work: { type: "string", default: "scanlane-out/parity" },
    model: { type: "string", default: "" },
    folds: { type: "string", default: "0" },
    mirroring: { type: "string", default: "mirror" },
    previous: { type: "string" },
    /** Folder of labels that nnU-Net gave for the previous stage. */
    stage: { type: "string" },
    /** Name of the package, and of the row. */
    id: { type: "string", default: "" },
  },
});
const main = join(import.meta.dirname, "../../src/cli/main.ts");
const models = join(values.work, "models");
mkdirSync(models, { recursive: true });

function scanlane(...args: readonly string[]): string {
  const loader = ["--conditions=development", "--import", "tsx", main];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...loader, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const wasPublished = args[0] === "run" && status === EXIT.warnings;
  if (status !== EXIT.ok && !wasPublished) throw new Error(`scanlane ${args[0]} failed: ${stderr}${stdout}`);
  return stdout;
}

/** Imports the model once; without mirroring it is the same package with no axes to mirror. */
function importModel(): void {
  if (existsSync(join(models, values.id, "manifest.json"))) return;
  const plain = values.id.replace(/-plain$/, "");
  if (!existsSync(join(models, plain, "manifest.json"))) {
    const previous = values.previous === undefined ? [] : ["--previous", values.previous];
    const folds = ["--folds", ...values.folds.split(",")];
    const place = ["--id", plain, "--models", models, "--python", values.python];
    scanlane("import", "nnunet", values.model, ...folds, ...place, ...previous);
  }
  if (plain === values.id) return;
  cpSync(join(models, plain), join(models, values.id), { recursive: true });
  const path = join(models, values.id, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify({ ...manifest, id: values.id, mirrorAxes: [] }, null, 2));
}

/** Our export of logits that nnU-Net gave: half precision, class, z, y, x. */
function exported(manifest: ModelManifest, image: string, logits: string): Uint8Array | Uint16Array {
  const source = readNifti(readFileSync(image));
  const first = toNetworkGrid([Float32Array.from(source.data)], source, withoutStage(manifest));
  const bytes = readFileSync(logits);
  const bits = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const [nx, ny, nz] = first.grid.size;
  const { classes } = manifest.network;
  if (bits.length !== classes * nx * ny * nz) {
    throw new RangeError(`nnU-Net gave ${bits.length} logits, the grid has ${nx} x ${ny} x ${nz} voxels`);
  }
  const toSource = new SourceGridExport(first.grid, manifest, []);
  for (let z = 0; z < nz; z++) {
    const slice = Array.from({ length: classes }, (_, c) => {
      const start = (c * nz + z) * nx * ny;
      return Float32Array.from(bits.subarray(start, start + nx * ny), (bit) => FLOAT16_VALUES[bit] ?? Number.NaN);
    });
    toSource.addSlice(z, slice);
  }
  return toSource.finish().labels;
}

/** The grid does not depend on the previous stage. */
function withoutStage({ previous: _, ...manifest }: ModelManifest): ModelManifest {
  return manifest;
}

function differing(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`label maps have ${a.length} and ${b.length} voxels`);
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count += 1;
  return count;
}

importModel();
const peerOut = join(values.work, "theirs", values.id);
const oracle = join(import.meta.dirname, "peer_nnunet.py");
for (const image of positionals) {
  const name = basename(image, ".nii.gz");
  const stage = values.stage === undefined ? [] : ["--previous", join(values.stage, `${name}.nii.gz`)];
  if (!existsSync(join(peerOut, `${name}.nii.gz`))) {
    const args = [oracle, values.model, values.folds, values.mirroring, peerOut, image, ...stage];
    execFileSync(values.python, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 2 ** 26 });
  }
  const theirs = Uint16Array.from(readNifti(readFileSync(join(peerOut, `${name}.nii.gz`))).data);

  const model = await folderModels(models).open(values.id);
  if (!isNetwork(model.manifest)) throw new TypeError(`${values.id} is not a network`);
  const { manifest } = model;
  if (manifest.mirrorAxes.length > 0 !== (values.mirroring === "mirror")) {
    throw new RangeError(
      `${values.id} mirrors along ${manifest.mirrorAxes.length} axes, nnU-Net ran ${values.mirroring}`,
    );
  }
  const sameLogits = exported(manifest, image, join(peerOut, `${name}.logits`));

  const folder = mkdtempSync(join(values.work, "ours-"));
  scanlane(
    "run",
    image,
    "--model",
    values.id,
    "--models",
    models,
    "--out",
    folder,
    "--no-refine",
    "--outputs",
    "none",
    "--json",
  );
  const file = readdirSync(folder, { recursive: true, encoding: "utf8" }).find(
    (path) => basename(path) === "labels.nii.gz" && !path.startsWith(".work"),
  );
  if (file === undefined) throw new Error(`no segmentation among ${readdirSync(folder, { recursive: true })}`);
  const ours = Uint16Array.from(readNifti(readFileSync(join(folder, file))).data);
  rmSync(folder, { recursive: true });

  const labels = manifest.labels.map(({ value }) => value);
  const counted = labels.map((label) => theirs.reduce((sum, value) => sum + (value === label ? 1 : 0), 0));
  if (counted.some((count) => count === 0))
    throw new RangeError(`${values.id}, ${name}: nnU-Net saw no voxel of a label`);
  const dice = overlapOfLabels(ours, theirs, labels).map((overlap) => overlap.dice?.toFixed(6));
  const row = [
    values.id,
    name.replace(/_0000$/, ""),
    counted.join(", "),
    theirs.length,
    differing(sameLogits, theirs),
    differing(ours, theirs),
    dice.join(", "),
  ];
  const line = `| ${row.join(" | ")} |`;
  console.log(line);
  writeFileSync(join(values.work, "rows.md"), `${line}\n`, { flag: "a" });
}
