import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { overlapOfLabels } from "#src/evaluate/overlap.js";
import { readNifti } from "#src/formats/nifti-read.js";
import { isNetwork } from "#src/model/classical-manifest.js";
import { folderModels } from "#src/model/model-library.js";
import { differing, largestWhereDifferent, publishedLabels, scanlane, voxelsOfLabels } from "./our-labels.js";

/**
 * Labels of an imported MONAI bundle beside MONAI's own, from the scan on. Started by `bench/parity/run-monai.sh`,
 * which makes the bundle; appends one line of the table a case.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python3" },
    work: { type: "string", default: "scanlane-out/parity" },
    bundle: { type: "string", default: "" },
    id: { type: "string", default: "" },
  },
});
const models = join(values.work, "models");
if (!existsSync(join(models, values.id, "manifest.json"))) {
  scanlane("import", "monai", values.bundle, "--id", values.id, "--models", models, "--python", values.python);
}
const { manifest } = await folderModels(models).open(values.id);
if (!isNetwork(manifest)) throw new TypeError(`${values.id} is not a network`);
const labels = manifest.labels.map(({ value }) => value);

const out = join(values.work, "theirs", values.id);
const oracle = join(import.meta.dirname, "peer_monai.py");
execFileSync(values.python, [oracle, values.bundle, out, ...positionals], { stdio: ["ignore", "ignore", "pipe"] });
for (const image of positionals) {
  const name = basename(image, ".nii.gz");
  const expected = Uint16Array.from(readNifti(readFileSync(join(out, `${name}.nii.gz`))).data);
  const margin = readNifti(readFileSync(join(out, `${name}.margin.nii.gz`))).data;
  const ours = publishedLabels(values.work, image, "--model", values.id, "--models", models);
  const dice = overlapOfLabels(ours, expected, labels).map((overlap) => overlap.dice.toFixed(6));
  const row = [
    values.id,
    name.replace(/_0000$/, ""),
    voxelsOfLabels(expected, labels, `${values.id}, ${name}`).join(", "),
    expected.length,
    differing(ours, expected),
    largestWhereDifferent(ours, expected, margin),
    dice.join(", "),
  ];
  const line = `| ${row.join(" | ")} |`;
  console.log(line);
  writeFileSync(join(values.work, "rows-monai.md"), `${line}\n`, { flag: "a" });
}
