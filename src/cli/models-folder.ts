import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The model packages: the ones named, or those that came with this package. */
export function modelsFolder(named: string | undefined): string {
  if (named !== undefined) return resolve(named);
  // From dist/src/cli and from src/cli.
  const candidates = ["../../../models", "../../models"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return candidates.find((path) => existsSync(path)) ?? resolve("models");
}
