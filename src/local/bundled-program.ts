import { statSync } from "node:fs";

/** What the compiler writes last. A package that was installed has none of them. */
const COMPILED = ["../../kernels.tsbuildinfo", "../../main.tsbuildinfo"];

/**
 * A program together with all that it loads at the start, in one file (`src/local/bundle-programs.mjs`): the same code, which
 * Node.js finds and compiles in half the time. Null where there is none, or where `tsc` compiled something since.
 *
 * @param here URL of this file, compiled; sources run as they are
 */
export function bundledProgram(name: "command" | "worker", here = import.meta.url): URL | null {
  if (here.endsWith(".ts")) return null;
  const program = new URL(`../../bundle/${name}.js`, here);
  const made = changedAt(program);
  const isOld = COMPILED.some((file) => changedAt(new URL(file, here)) > made);
  return made === 0 || isOld ? null : program;
}

/** In milliseconds; 0 where there is no such file. */
function changedAt(file: URL): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
