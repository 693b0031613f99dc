import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { sha256 } from "#src/core/ids.js";
import { BundleConfig } from "#src/model/import/bundle-config.js";
import { BundleExport, BundleMetadata } from "#src/model/import/bundle-files.js";
import { shortName } from "#src/model/import/imported-labels.js";
import { manifestOfMonai } from "#src/model/import/monai.js";
import { makePackage, readDocument, writeManifest } from "./package-folder.js";
import { runWorkshop } from "./workshop.js";

export interface ImportMonaiFlags {
  readonly id?: string;
  readonly models?: string;
  readonly python: string;
  /** Folder that `export_monai.py` was run into before; then no Python is needed. */
  readonly exported?: string;
  readonly modality: readonly string[];
  readonly licence?: string;
  /** `path=value` as MONAI's command line has `--path value`: replaces a value of inference.json. */
  readonly set: readonly string[];
}

const EXPECTED = "the folder of a MONAI bundle";
const GOLDEN = ["golden/input.nii.gz", "golden/labels.nii.gz"];

/**
 * `scanlane import monai`: a MONAI bundle as a model package.
 *
 * @param bundle folder with configs/metadata.json, configs/inference.json and models/
 */
export async function importMonai(bundle: string, flags: ImportMonaiFlags, signal: AbortSignal): Promise<void> {
  const folder = resolve(bundle);
  const metadata = await readDocument(BundleMetadata, join(folder, "configs", "metadata.json"), EXPECTED);
  const inference = join(folder, "configs", "inference.json");
  const config = new BundleConfig(
    await readDocument(z.record(z.string(), z.unknown()), inference, EXPECTED),
    Object.fromEntries(flags.set.map(changeOf)),
  );
  let parity = 0;
  const place = await makePackage(flags.models, signal, async (made) => {
    const exported = flags.exported ? resolve(flags.exported) : made;
    if (!flags.exported) {
      await runWorkshop(flags.python, "export_monai.py", [folder, made, "--set", ...flags.set], signal);
    }
    const facts = await readDocument(BundleExport, join(exported, "export.json"), "what the export wrote");
    const file = basename(facts.file);
    await mkdir(join(made, "golden"), { recursive: true });
    for (const name of exported === made ? [] : [file, ...GOLDEN]) {
      await writeFile(join(made, name), await readFile(join(exported, name)));
    }
    const id = flags.id ?? shortName(`monai-${basename(folder)}`);
    const manifest = manifestOfMonai({
      metadata,
      config,
      id,
      exported: { ...facts, file },
      digest: sha256(await readFile(join(made, file))),
      licence: flags.licence ?? (await firstLine(join(folder, "LICENSE"))) ?? "unknown",
      modalities: flags.modality,
    });
    await writeManifest(made, manifest);
    parity = facts.parity;
    return id;
  });
  console.log(place);
  console.log(`logits of ONNX and PyTorch differ by at most ${parity}; check with: scanlane verify ${basename(place)}`);
}

/** A value as JSON where it is JSON, else as text. */
function changeOf(change: string): [string, unknown] {
  const [path = "", ...rest] = change.split("=");
  const text = rest.join("=");
  try {
    return [path, JSON.parse(text)];
  } catch {
    return [path, text];
  }
}

async function firstLine(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "");
}
