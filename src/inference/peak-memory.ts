import { readFileSync, writeFileSync } from "node:fs";

/**
 * Starts to measure this process; what it returns gives the most memory that was resident since then, in bytes.
 *
 * Linux alone can forget an earlier peak (proc(5), `clear_refs`); elsewhere it is the most since the process started.
 */
export function watchPeak(): () => number {
  let isReset = true;
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    isReset = false;
  }
  // Node.js gives kilobytes, and never forgets.
  return () => (isReset ? statusBytes("VmHWM") : null) ?? process.resourceUsage().maxRSS * 1024;
}

function statusBytes(field: string): number | null {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return found === undefined ? null : Number(found) * 1024;
}
