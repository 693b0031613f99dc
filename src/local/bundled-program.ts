import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

/** What the compiler writes last: the digests of all that it has compiled. */
const COMPILED = ["kernels.tsbuildinfo", "main.tsbuildinfo"];
const DIST = "../../";

/** Beside the bundle: `compiledDigest` of what it was made of. */
export const MADE_OF = "made-of.txt";

/**
 * A program together with all that it loads at the start, in one file (`src/local/bundle-programs.mjs`): the same code, which
 * Node.js finds and compiles in half the time. Null where there is none, or where it was made of something else than what
 * is compiled, in a package that was installed too: nothing in one says when it was compiled.
 *
 * @param here URL of this file, compiled; sources run as they are
 */
export function bundledProgram(name: "command" | "worker", here = import.meta.url): URL | null {
  if (here.endsWith(".ts")) return null;
  const dist = new URL(DIST, here);
  const program = new URL(`bundle/${name}.js`, dist);
  const madeOf = new URL(`bundle/${MADE_OF}`, dist);
  if (!existsSync(program) || !existsSync(madeOf)) return null;
  return readFileSync(madeOf, "utf8") === compiledDigest(dist) ? program : null;
}

/** @param dist the folder of what is compiled, with a slash at its end */
export function compiledDigest(dist: URL): string {
  const hash = createHash("sha256");
  for (const file of COMPILED.map((name) => new URL(name, dist))) if (existsSync(file)) hash.update(readFileSync(file));
  return hash.digest("hex");
}
