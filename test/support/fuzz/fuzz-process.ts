import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { mutate } from "./mutate.js";
import { readEverything } from "./read-everything.js";

/** What the process is told: files to damage, and which of the numbered mutations to try. */
export interface FuzzOrder {
  readonly seeds: readonly string[];
  readonly from: number;
  readonly to: number;
  /** Mutations between two reports. */
  readonly batch: number;
}

export interface FuzzReport {
  /** Mutations before this one are done. */
  readonly done: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly findings: readonly FuzzFinding[];
}

export interface FuzzFinding {
  readonly mutation: number;
  readonly seed: string;
  readonly bytes: number;
  readonly what: string;
}

/** A small file that takes longer is called a hang. */
const SLOW_MS = 2000;
/** What one read may add to the process's memory, whatever a header says, beyond 40 times the file's own size. */
const FREE_BYTES = 256 * 2 ** 20;

process.once("message", (order: FuzzOrder) => void run(order));

async function run(order: FuzzOrder): Promise<void> {
  const seeds = order.seeds.map((path) => ({ name: basename(path), bytes: new Uint8Array(readFileSync(path)) }));
  let codes: Record<string, number> = {};
  let findings: FuzzFinding[] = [];
  for (let n = order.from; n < order.to; n++) {
    const seed = seeds[n % seeds.length];
    const donor = seeds[(n * 7 + 3) % seeds.length];
    if (seed === undefined || donor === undefined) throw new RangeError("fuzzing needs at least one seed");
    const bytes = mutate(seed.bytes, donor.bytes, n);
    const finding = (what: string) => findings.push({ mutation: n, seed: seed.name, bytes: bytes.length, what });
    const started = process.cpuUsage();
    const before = resetPeak();
    try {
      const code = await readEverything(bytes, seed.name);
      codes[code] = (codes[code] ?? 0) + 1;
    } catch (error) {
      finding(
        error instanceof Error ? (error.stack ?? error.message).split("\n").slice(0, 4).join(" ") : String(error),
      );
    }
    const { user, system } = process.cpuUsage(started);
    if ((user + system) / 1000 > SLOW_MS) finding(`took ${Math.round((user + system) / 1000)} ms`);
    const grown = peakBytes() - before;
    if (grown > FREE_BYTES + 40 * bytes.length) finding(`took ${Math.round(grown / 2 ** 20)} MiB`);
    if ((n + 1 - order.from) % order.batch === 0 || n + 1 === order.to) {
      process.send?.({ done: n + 1, codes, findings } satisfies FuzzReport);
      codes = {};
      findings = [];
    }
  }
  process.disconnect();
}

/** Starts the kernel's high-water mark of resident memory anew; elsewhere than on Linux memory is not watched. */
function resetPeak(): number {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {}
  return peakBytes();
}

function peakBytes(): number {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "latin1"));
    return Number(line?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
