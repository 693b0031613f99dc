import { readdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { RunDocument } from "#src/stages/run-document.js";

// Collects the stage times of real runs out of a results folder, for the simulation.
// node --conditions=development --import tsx bench/simulation/measure.ts <results folder> <file>

const [, , folder = "scanlane-out", file = "bench/simulation/measured.json"] = process.argv;
const scans = [];
for (const name of (await readdir(folder)).filter((one) => one.startsWith("r-")).sort()) {
  const run = RunDocument.parse(JSON.parse(await readFile(join(folder, name, "run.json"), "utf8")));
  const { model } = JSON.parse(await readFile(join(folder, name, "result.json"), "utf8"));
  const seconds = Object.fromEntries(run.stages.map((stage) => [stage.stage, Math.round(stage.seconds * 1000) / 1000]));
  scans.push({ model: model.id, sourceBytes: run.sourceBytes ?? null, seconds });
}
const measured = { processor: cpus()[0]?.model ?? "unknown", processors: cpus().length, scans };
await writeFile(file, `${JSON.stringify(measured, null, 1)}\n`);
console.log(`${scans.length} scans`);
