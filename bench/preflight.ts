import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RunDocument } from "#src/stages/run-document.js";

/**
 * What `scanlane run` predicts of each stage's memory beside what it then measures. Build first: dist/ is what runs.
 *
 * @example node --conditions=development --import tsx bench/preflight.ts <models folder> <model>=<scan> ...
 */
const [models = "", ...pairs] = process.argv.slice(2);
const main = fileURLToPath(new URL("../dist/src/cli/main.js", import.meta.url));

for (const pair of pairs) {
  const [model = "", scan = ""] = pair.split("=");
  const out = await mkdtemp(join(tmpdir(), "preflight-"));
  const args = [main, "run", scan, "--model", model, "--models", models, "--out", out, "--json", "--no-refine"];
  const { stdout } = spawnSync(process.execPath, [...args, "--outputs", "none"], { encoding: "utf8" });
  const [outcome] = JSON.parse(stdout).outcomes;
  if (outcome.kind === "published") {
    for (const { stage, used, facts } of RunDocument.parse(outcome.run).stages) {
      if (used?.predicted === undefined || used.peakMiB === undefined) continue;
      const { memoryMiB, networkSeconds } = used.predicted;
      const error = ((memoryMiB / used.peakMiB - 1) * 100).toFixed(0);
      const time = networkSeconds === undefined ? "" : `, ${networkSeconds} s predicted, ${facts.networkSeconds} s`;
      console.log(`${model}, ${stage}: ${memoryMiB} MiB predicted, ${used.peakMiB} MiB, ${error} %${time}`);
    }
  } else console.log(`${model}: ${outcome.record.code}: ${outcome.record.message}`);
  await rm(out, { recursive: true });
}
