import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { treeMib } from "./tree-memory.js";

/**
 * `nnUNetv2_predict` (one process, and its default of several), MONAI's sliding window with PyTorch, and `scanlane run`,
 * by turns on the same weights and images: seconds, processor seconds, seconds inside the network, and the largest memory of the whole tree
 * of processes, looked at four times a second. One JSON line a run goes to `<work>/engine.jsonl`. Started by
 * `bench/engine/run.sh`. Build first: it is dist/ that is measured.
 */
const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    nnunet: { type: "string", default: "" },
    fold: { type: "string", default: "0" },
    models: { type: "string", default: "" },
    model: { type: "string", default: "" },
    images: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    work: { type: "string", default: "scanlane-out/engine" },
    /** Name of the case in the table. */
    case: { type: "string", default: "" },
    /** Which of them, in this order. */
    run: { type: "string", default: "single,default,monai,ours" },
    /** A run that needs more is ended, and that is its record. */
    limitMib: { type: "string", default: "16000" },
  },
});

interface Measured {
  readonly seconds: number;
  /** Of all processors, of the whole tree of processes: what hangs least on other work on the machine. */
  readonly cpuSeconds: number | null;
  readonly peakMib: number;
  /** As an exit code; or why it was ended. */
  readonly end: string;
  readonly networkSeconds: number | null;
}

async function measure(command: string, args: readonly string[], out: string, more: Env = {}): Promise<Measured> {
  const clock = join(out, "network-seconds");
  const started = performance.now();
  // A group of its own, so that it can be ended as a whole.
  const child = spawn("bash", ["-c", TIMED, "bash", join(out, "cpu-seconds"), command, ...args], {
    stdio: ["ignore", "ignore", "ignore"],
    detached: true,
    env: { ...process.env, NETWORK_SECONDS: clock, nnUNet_compile: "false", ...FOLDERS, ...more },
  });
  let peakMib = 0;
  let why: string | null = null;
  const timer = setInterval(() => {
    if (child.pid === undefined) return;
    peakMib = Math.max(peakMib, treeMib(child.pid));
    if (peakMib < Number(values.limitMib) || why !== null) return;
    why = `ended at ${values.limitMib} MiB`;
    process.kill(-child.pid, "SIGKILL");
  }, 250);
  const exit = await new Promise<number | null>((resolve, reject) => child.on("exit", resolve).on("error", reject));
  clearInterval(timer);
  const seconds = (performance.now() - started) / 1000;
  const networkSeconds = existsSync(clock) ? secondsOf(readFileSync(clock, "utf8")) : null;
  const used = why === null ? readFileSync(join(out, "cpu-seconds"), "utf8").trim().split(" ").map(Number) : null;
  const cpuSeconds = used === null ? null : used.reduce((sum, part) => sum + part);
  return { seconds, cpuSeconds, peakMib, end: why ?? String(exit), networkSeconds };
}

/** Seconds as they are, or those of lines with a start and an end in milliseconds, of which several may go on at once. */
function secondsOf(text: string): number {
  const lines = text.trim().split("\n");
  const [whole = "", ...others] = lines;
  if (others.length === 0 && !whole.includes(" ")) return Number(whole);
  const runs = lines.map((line) => line.split(" ").map(Number)).sort(([a = 0], [b = 0]) => a - b);
  let milliseconds = 0;
  let until = 0;
  for (const [start = 0, end = 0] of runs) {
    milliseconds += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return milliseconds / 1000;
}

type Env = Readonly<Record<string, string>>;

/** Runs what follows the first argument, a file for the seconds of user and system. */
const TIMED = 'TIMEFORMAT="%U %S"; to=$1; shift; { time "$@" 2>/dev/null; } 2>"$to"';

const [configuration = ""] = basename(values.nnunet).split("__").slice(-1);
const FOLDERS = {
  nnUNet_raw: "/nonexistent",
  nnUNet_preprocessed: "/nonexistent",
  nnUNet_results: dirname(dirname(values.nnunet)),
};
const timer = join(import.meta.dirname, "time-sessions.mjs");
const main = join(import.meta.dirname, "../../dist/src/cli/main.js");
const nnunet = (out: string, ...more: readonly string[]) => {
  const model = ["-d", basename(dirname(values.nnunet)), "-c", configuration, "-f", values.fold];
  const what = ["-i", values.images, "-o", out, ...model, "--disable_tta"];
  const rest = ["-device", "cpu", "--disable_progress_bar", ...more];
  return measure(values.python, [join(import.meta.dirname, "peer_nnunet_timed.py"), ...what, ...rest], out);
};
const RUNS = new Map<string, (out: string) => Promise<Measured>>([
  ["single", (out) => nnunet(out, "-npp", "0", "-nps", "0")],
  ["default", (out) => nnunet(out)],
  [
    "monai",
    (out) =>
      measure(
        values.python,
        [join(import.meta.dirname, "peer_monai_window.py"), values.nnunet, values.fold, values.images, out],
        out,
      ),
  ],
  [
    "ours",
    (out) => {
      const [only, ...others] = readdirSync(values.images);
      const upload = others.length === 0 ? join(values.images, only ?? "") : values.images;
      const place = ["--model", values.model, "--models", values.models, "--out", out];
      return measure(
        process.execPath,
        [main, "run", upload, ...place, "--no-refine", "--outputs", "none"],
        out,
        // The run starts processes of its own.
        { NODE_OPTIONS: `--import ${JSON.stringify(timer)}` },
      );
    },
  ],
]);

const scans = readdirSync(values.images).length;
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of values.run.split(",")) {
    const run = RUNS.get(name);
    if (run === undefined) throw new TypeError(`run ${name} is not known, expected ${[...RUNS.keys()].join(", ")}`);
    const [loadBefore] = loadavg();
    const out = mkdtempSync(join(values.work, `out-${name}-`));
    const found = await run(out);
    rmSync(out, { recursive: true });
    const line = JSON.stringify({ case: values.case, run: name, scans, ...found, loadBefore });
    console.log(line);
    appendFileSync(join(values.work, "engine.jsonl"), `${line}\n`);
  }
}
