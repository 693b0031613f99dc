import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { RunDocument } from "#src/stages/run-document.js";

/**
 * `nnUNetv2_predict` and `scanlane run` by turns on the same weights and images: seconds, and the largest memory of
 * the whole tree of processes (resident, sampled ten times a second).
 *
 * @example node --conditions=development --import tsx bench/engine/engine.ts --bin <folder of nnUNetv2_predict> \
 *   --nnunet <results folder of a configuration> --folds 0 --models <folder> --model <package> --images <folder>
 */
const { values } = parseArgs({
  options: {
    bin: { type: "string", default: "" },
    nnunet: { type: "string", default: "" },
    folds: { type: "string", default: "0" },
    models: { type: "string", default: "" },
    model: { type: "string", default: "" },
    images: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    work: { type: "string", default: "/tmp" },
    /** Which of them: single, default, ours. */
    run: { type: "string", default: "single,default,ours" },
  },
});

interface Measured {
  readonly seconds: number;
  readonly peakMib: number;
  readonly exit: number | null;
}

/** Resident memory of a process and all below it, in MiB. */
function treeMib(root: number): number {
  const parents = new Map<number, number>();
  const pages = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      parents.set(Number(entry), Number(fields[1]));
      pages.set(Number(entry), Number(fields[21]));
    } catch {
      // It ended while we looked.
    }
  }
  let total = 0;
  for (const id of pages.keys()) {
    let above: number | undefined = id;
    while (above !== undefined && above !== root) above = parents.get(above);
    if (above === root) total += pages.get(id) ?? 0;
  }
  return (total * 4096) / 2 ** 20;
}

async function measure(command: string, args: readonly string[]): Promise<Measured> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "ignore"] });
  let peakMib = 0;
  const timer = setInterval(() => {
    if (child.pid !== undefined) peakMib = Math.max(peakMib, treeMib(child.pid));
  }, 100);
  const exit = await new Promise<number | null>((resolve, reject) => child.on("exit", resolve).on("error", reject));
  clearInterval(timer);
  return { seconds: (performance.now() - started) / 1000, peakMib, exit };
}

const folds = values.folds.split(",");
const peer = (...more: readonly string[]) => {
  const out = mkdtempSync(join(values.work, "theirs-"));
  const what = ["-i", values.images, "-o", out, "-m", values.nnunet, "-f", ...folds];
  const rest = ["-chk", "checkpoint_final.pth", "-device", "cpu", "--disable_progress_bar", ...more];
  return measure(join(values.bin, "nnUNetv2_predict_from_modelfolder"), [...what, ...rest]);
};
const main = join(import.meta.dirname, "../../dist/src/cli/main.js");
const Facts = z.object({ networkSeconds: z.number(), loadSeconds: z.number() });
const ours = async () => {
  const out = mkdtempSync(join(values.work, "ours-"));
  let sum: Measured = { seconds: 0, peakMib: 0, exit: 0 };
  for (const image of readdirSync(values.images)) {
    const what = ["run", join(values.images, image), "--model", values.model, "--models", values.models];
    const one = await measure(process.execPath, [main, ...what, "--out", out, "--no-refine", "--outputs", "none"]);
    sum = {
      seconds: sum.seconds + one.seconds,
      peakMib: Math.max(sum.peakMib, one.peakMib),
      exit: one.exit || sum.exit,
    };
  }
  for (const file of readdirSync(out, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith("run.json"),
  )) {
    const { stages } = RunDocument.parse(JSON.parse(readFileSync(join(out, file), "utf8")));
    const facts = Facts.safeParse(stages.find(({ stage }) => stage === "segment")?.facts);
    console.log(
      "  stages",
      stages.map(({ stage, seconds }) => `${stage} ${seconds.toFixed(2)}`).join(", "),
      facts.data,
    );
  }
  return sum;
};
const RUNS = new Map<string, () => Promise<Measured>>([
  ["single", () => peer("-npp", "0", "-nps", "0")],
  ["default", () => peer()],
  ["ours", ours],
]);

const scans = readdirSync(values.images).length;
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of values.run.split(",")) {
    const run = RUNS.get(name);
    if (run === undefined) throw new TypeError(`run ${name} is not known, expected ${[...RUNS.keys()].join(", ")}`);
    const load = loadavg()[0]?.toFixed(1);
    const { seconds, peakMib, exit } = await run();
    console.log(
      `${name}: ${(seconds / scans).toFixed(2)} s a scan, ${peakMib.toFixed(0)} MiB, exit ${exit}, load before ${load}`,
    );
  }
}
