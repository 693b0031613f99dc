import { readdirSync, readFileSync } from "node:fs";

/** Memory of a process and all below it in MiB, pages that several of them share counted once (proportional set size). */
export function treeMib(root: number): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(ifThere(() => readFileSync(`/proc/${root}/smaps_rollup`, "utf8"), ""));
  const below = childrenOf(root).reduce((sum, child) => sum + treeMib(child), 0);
  return Number(found?.[1] ?? 0) / 1024 + below;
}

/** A process's children belong to the thread that started them. */
function childrenOf(id: number): number[] {
  const threads = ifThere(() => readdirSync(`/proc/${id}/task`), []);
  return threads.flatMap((thread) => {
    const list = ifThere(() => readFileSync(`/proc/${id}/task/${thread}/children`, "utf8"), "");
    return list.split(" ").filter(Boolean).map(Number);
  });
}

/** The process may have ended meanwhile. */
function ifThere<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
