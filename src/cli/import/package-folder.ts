import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { z } from "zod";
import { modelsFolder } from "#src/cli/models-folder.js";
import { PipelineError } from "#src/core/errors.js";
import type { ModelManifest } from "#src/model/manifest.js";
import { measurePackage } from "./measure-package.js";

/**
 * A model package put together beside its place and moved there whole: whatever fails, nothing half-made is left. There
 * its network is measured.
 *
 * @param signal ends it, as a failure does
 * @param make fills the folder and says the package's name
 * @returns where the package stands
 * @throws {PipelineError} `ModelInvalid` when a model of that name is there already
 */
export async function makePackage(
  named: string | undefined,
  signal: AbortSignal,
  make: (folder: string) => Promise<string>,
): Promise<string> {
  const models = modelsFolder(named);
  await mkdir(models, { recursive: true });
  const made = await mkdtemp(join(models, ".import-"));
  try {
    // `mkdtemp` makes a folder for this user alone, and a package is for all that may read the others.
    const folder = join(made, "package");
    await mkdir(folder);
    const id = await make(folder);
    const place = join(models, id);
    if (existsSync(place)) {
      throw new PipelineError("ModelInvalid", `model ${id} is there already, expected a new name (--id)`);
    }
    signal.throwIfAborted();
    await rename(folder, place);
    await measurePackage(place, signal);
    return place;
  } finally {
    // A program that was just ended may have written there until now.
    await rm(made, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Writes a package's manifest. What the workshop's export said about itself has served. */
export async function writeManifest(folder: string, manifest: ModelManifest): Promise<void> {
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await rm(join(folder, "export.json"), { force: true });
}

/**
 * A JSON file, checked.
 *
 * @param expected what kind of folder or file was to be given, for the message
 * @throws {PipelineError} `ModelInvalid` naming the file, and the field where one is wrong
 */
export async function readDocument<T extends z.ZodType>(
  schema: T,
  path: string,
  expected: string,
): Promise<z.infer<T>> {
  const name = `${basename(dirname(path))}/${basename(path)}`;
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new PipelineError("ModelInvalid", `${name} is not there, expected ${expected}`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PipelineError("ModelInvalid", `${name} is not JSON`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  // A name that is not known may be what another field that is not there was meant to be.
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
  throw new PipelineError("ModelInvalid", `${name}, field ${issue?.path.join(".") || "(root)"}: ${issue?.message}`);
}
