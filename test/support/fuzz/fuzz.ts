import { fork } from "node:child_process";
import type { FuzzFinding, FuzzOrder, FuzzReport } from "./fuzz-process.js";

export interface FuzzResult {
  readonly mutations: number;
  /** How many ended in each code, or were read. */
  readonly codes: Readonly<Record<string, number>>;
  readonly findings: readonly FuzzFinding[];
}

/** Silence after which the process is taken for hanging and killed. */
const SILENCE_MS = 60_000;

/**
 * Reads `count` numbered mutations of the seeds in a process of its own, and starts another after the mutation at
 * which one died or fell silent.
 *
 * @param seeds paths of files to damage, taken in turn
 * @param from number of the first mutation: a finding is made again by its number
 */
export async function fuzz(seeds: readonly string[], count: number, from = 0): Promise<FuzzResult> {
  const codes: Record<string, number> = {};
  const findings: FuzzFinding[] = [];
  let at = from;
  let batch = 100;
  while (at < from + count) {
    const to = batch === 1 ? Math.min(at + 100, from + count) : from + count;
    const { died, done } = await runProcess({ seeds, from: at, to, batch }, (report) => {
      for (const [code, n] of Object.entries(report.codes)) codes[code] = (codes[code] ?? 0) + n;
      findings.push(...report.findings);
    });
    at = done;
    if (died === null) batch = 100;
    // Once more in steps of one, to see which mutation it was.
    else if (batch !== 1) batch = 1;
    else findings.push({ mutation: at++, seed: "", bytes: 0, what: died });
  }
  return { mutations: count, codes, findings };
}

function runProcess(
  order: FuzzOrder,
  onReport: (report: FuzzReport) => void,
): Promise<{ died: string | null; done: number }> {
  const child = fork(new URL("./fuzz-process.ts", import.meta.url), {
    execArgv: ["--conditions=development", "--import", "tsx"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let done = order.from;
  let errors = "";
  child.stderr?.on("data", (chunk) => {
    errors = `${errors}${chunk}`.slice(-2000);
  });
  return new Promise((resolve, reject) => {
    let silent = false;
    const silence = setTimeout(() => {
      silent = true;
      child.kill("SIGKILL");
    }, SILENCE_MS);
    child.on("message", (report: FuzzReport) => {
      silence.refresh();
      done = report.done;
      onReport(report);
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(silence);
      const died = silent ? `silent for ${SILENCE_MS} ms` : `ended with ${code ?? signal}: ${errors}`;
      resolve({ died: done === order.to && code === 0 ? null : died, done });
    });
    child.send(order);
  });
}
