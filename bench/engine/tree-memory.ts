import { readdirSync, readFileSync } from "node:fs";

/** Memory of a process and all below it in MiB, pages that several of them share counted once (proportional set size). */
export function treeMib(root: number): number {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readIfThere(`/proc/${entry}/stat`);
    if (stat === null) continue;
    parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  let kib = 0;
  for (const id of parents.keys()) {
    let above: number | undefined = id;
    while (above !== undefined && above !== root) above = parents.get(above);
    if (above !== root) continue;
    const found = /^Pss:\s+(\d+) kB/m.exec(readIfThere(`/proc/${id}/smaps_rollup`) ?? "");
    kib += Number(found?.[1] ?? 0);
  }
  return kib / 1024;
}

/** Null for a process that ended meanwhile. */
function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
