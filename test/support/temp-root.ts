import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One folder for all temporary files of a test run, removed at its end: tests make folders freely below it. */
export async function setup(): Promise<() => Promise<void>> {
  const root = await mkdtemp(join(tmpdir(), "scanlane-test-"));
  process.env.TMPDIR = root;
  return () => rm(root, { recursive: true, force: true });
}
