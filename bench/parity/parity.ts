import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { overlapOfLabels } from "#src/evaluate/overlap.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { FLOAT16_VALUES } from "#src/imaging/float16.js";
import { modelSessions } from "#src/inference/model-sessions.js";
import { toNetworkGrid } from "#src/inference/network-grid.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { segmentImage } from "#src/inference/segment-image.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { SourceGridExport } from "#src/inference/to-source-grid.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { folderModels, type ModelLibrary, type ModelPackage } from "#src/model/model-library.js";
import { differing, largestWhereDifferent, publishedLabels, scanlane, voxelsOfLabels } from "./our-labels.js";
import { recordedSessions } from "./recorded-sessions.js";

/**
 * Labels of imported nnU-Net models beside nnU-Net's own: from the same logits, with the same answers of the network,
 * and from the scan on. Started by `bench/parity/run.sh`, which makes the models; appends one line of the table a case.
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
    /** Name of the package, and of the row. */
    id: { type: "string", default: "" },
  },
});
const models = join(values.work, "models");
mkdirSync(models, { recursive: true });

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

/** Our labels, by the steps of `scanlane run` in this process, and every answer that the networks gave, in a folder. */
async function recorded(library: ModelLibrary, model: ModelPackage, image: string, folder: string) {
  const { data, ...grid } = readNifti(readFileSync(image));
  const pool = new SessionPool(recordedSessions(ortSessions("cpu"), folder));
  try {
    const sessionsOf = modelSessions(pool, library);
    const { labels } = await segmentImage({ grid, channels: [Float32Array.from(data)] }, model, { sessionsOf });
    return labels;
  } finally {
    await pool.close();
  }
}

/** Runs nnU-Net on all images; what is there stays. */
function runPeer(...more: readonly string[]): void {
  const previous = values.previous === undefined ? [] : ["--previous", values.previous];
  const what = [values.model, values.folds, values.mirroring, values.work, values.id, ...positionals];
  execFileSync(values.python, [oracle, ...what, ...previous, ...more], { stdio: ["ignore", "ignore", "pipe"] });
}

/** The grid does not depend on the previous stage. */
function withoutStage({ previous: _, ...manifest }: ModelManifest): ModelManifest {
  return manifest;
}

/** A file that nnU-Net wrote, by one of its ways. */
const theirFile = (way: string, name: string) => readFileSync(join(values.work, way, values.id, name));
const theirLabels = (way: string, name: string) => Uint16Array.from(readNifti(theirFile(way, `${name}.nii.gz`)).data);

importModel();
const oracle = join(import.meta.dirname, "peer_nnunet.py");
const library = folderModels(models);
const model = await library.open(values.id);
if (!isNetwork(model.manifest)) throw new TypeError(`${values.id} is not a network`);
const { manifest } = model;
if (manifest.mirrorAxes.length > 0 !== (values.mirroring === "mirror")) {
  throw new RangeError(
    `${values.id} mirrors along ${manifest.mirrorAxes.length} axes, nnU-Net ran ${values.mirroring}`,
  );
}
const Facts = z.object({
  /** Null where no tile was the same. */
  largestDifferenceOfLogits: z.number().nullable(),
  tiles: z.int(),
  tilesWithoutAnswer: z.int(),
});

runPeer();
const answers = join(values.work, "answers", values.id);
rmSync(join(values.work, "answered", values.id), { recursive: true, force: true });
const inProcess = new Map<string, Uint8Array | Uint16Array>();
for (const image of positionals) inProcess.set(image, await recorded(library, model, image, answers));
const networks = [manifest.network, ...manifest.network.folds].map(({ sha256 }) => sha256).join(",");
runPeer("--answers", answers, "--networks", networks);
rmSync(answers, { recursive: true });

for (const image of positionals) {
  const name = basename(image, ".nii.gz");
  const expected = theirLabels("theirs", name);
  const margin = readNifti(theirFile("theirs", `${name}.margin.nii.gz`)).data;
  const sameLogits = exported(manifest, image, join(values.work, "theirs", values.id, `${name}.logits`));
  const sameAnswers = theirLabels("answered", name);
  const facts = Facts.parse(JSON.parse(theirFile("answered", `${name}.json`).toString()));
  const other = manifest.mirrorAxes.length > 0 ? null : theirLabels("no-onednn", name);
  const ours = publishedLabels(values.work, image, "--model", values.id, "--models", models, "--no-refine");
  if (differing(ours, inProcess.get(image) ?? []) > 0)
    throw new Error(`${values.id}, ${name}: scanlane run gave other labels`);

  const labels = manifest.labels.map(({ value }) => value);
  const counted = voxelsOfLabels(expected, labels, `${values.id}, ${name}`);
  const dice = overlapOfLabels(ours, expected, labels).map((overlap) => overlap.dice.toFixed(6));
  const row = [
    values.id,
    name.replace(/_0000$/, ""),
    counted.join(", "),
    expected.length,
    differing(sameLogits, expected),
    facts.tilesWithoutAnswer > 0
      ? `${facts.tilesWithoutAnswer} of ${facts.tiles} tiles not the same`
      : differing(ours, sameAnswers),
    differing(ours, expected),
    largestWhereDifferent(ours, expected, margin),
    other === null ? "" : differing(other, expected),
    facts.largestDifferenceOfLogits?.toExponential(1) ?? "",
    dice.join(", "),
  ];
  const line = `| ${row.join(" | ")} |`;
  console.log(line);
  writeFileSync(join(values.work, "rows.md"), `${line}\n`, { flag: "a" });
}
