import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { RunDocument } from "#src/stages/run-document.js";
import { CASES, makeModels, makeScan, type PreflightCase } from "./preflight/cases.js";

/**
 * What is predicted of memory and time before a run, beside what the run then took: cases that constants were fitted to
 * and cases that were held out, all of them made up. Build first: dist/ is what runs.
 *
 * Models, images and `preflight.jsonl`, one line a stage, are kept in the work folder.
 *
 * @example node --conditions=development --import tsx bench/preflight.ts --work scanlane-out/preflight
 * @example … --only "104 classes"
 * @example … --models models hippocampus-unet3d=scan.nii.gz
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: "string", default: "scanlane-out/preflight" },
    models: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const main = fileURLToPath(new URL("../dist/src/cli/main.js", import.meta.url));
const work = resolve(values.work);
const scans = join(work, "scans");
mkdirSync(scans, { recursive: true });

function scanlane(...args: readonly string[]): string {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", maxBuffer: 2 ** 26 }).stdout;
}

async function ownModels(): Promise<string> {
  const root = join(work, "models");
  if (existsSync(join(root, "routes.json"))) return root;
  for (const id of await makeModels(root)) {
    scanlane("verify", id, "--models", root, "--measure", "--no-golden");
    readFileSync(join(root, id, "cost.json"));
  }
  return root;
}

const given = positionals.map((pair): PreflightCase => {
  const [model = "", scan = ""] = pair.split("=");
  return { name: `${scan}, ${model}`, model, scan };
});
const models = values.models ?? (await ownModels());
const cases = (given.length > 0 ? given : CASES).filter(({ name }) => name.includes(values.only));

for (const { name, model, scan, options = ["--outputs", "none"], isFitted = false } of cases) {
  const path = await scanPath(scan);
  const out = join(work, "out");
  await rm(out, { recursive: true, force: true });
  const [load = 0] = loadavg();
  const answer = scanlane("run", path, "--model", model, "--models", models, "--out", out, "--json", ...options);
  const [outcome] = answer === "" ? [] : JSON.parse(answer).outcomes;
  if (outcome?.kind !== "published") {
    console.log(`${name}: ${outcome?.record.code ?? "nothing"}: ${outcome?.record.message ?? "said"}`);
    continue;
  }
  for (const { stage, seconds, used, facts } of RunDocument.parse(outcome.run).stages) {
    if (used?.peakMiB === undefined) continue;
    const { predicted, peakMiB, cpuSeconds } = used;
    const row = { name, model, scan, options, isFitted, stage, predicted, peakMiB, seconds, cpuSeconds, facts, load };
    appendFileSync(join(work, "preflight.jsonl"), `${JSON.stringify(row)}\n`);
    const off = (value = Number.NaN, from = Number.NaN) => `${((value / from - 1) * 100).toFixed(0)} %`;
    const memory = `${predicted?.memoryMiB ?? "-"} MiB predicted, ${peakMiB} held, ${off(predicted?.memoryMiB, peakMiB)}`;
    const time = `${predicted?.cpuSeconds ?? "-"} processors' s predicted, ${cpuSeconds?.toFixed(2)} used, ${off(predicted?.cpuSeconds, cpuSeconds)}`;
    console.log(`${name}: ${stage}: ${memory}; ${time}`);
  }
}
await rm(join(work, "out"), { recursive: true, force: true });

/** Made when it is first asked for; a path stays one. */
async function scanPath(name: string): Promise<string> {
  const known = [join(scans, name), join(scans, `${name}.nii`), join(scans, `${name}.nii.gz`)];
  return known.find((path) => existsSync(path)) ?? (await makeScan(scans, name));
}
