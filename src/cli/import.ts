import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { z } from "zod";
import { PipelineError } from "#src/core/errors.js";
import { sha256 } from "#src/core/ids.js";
import { shortName } from "#src/model/import/label-terms.js";
import { manifestOfNnunet } from "#src/model/import/nnunet.js";
import { NnunetDataset, NnunetExport, NnunetPlans } from "#src/model/import/nnunet-files.js";
import { modelsFolder } from "./models-folder.js";

export interface ImportFlags {
  readonly id?: string;
  readonly models?: string;
  readonly folds: readonly string[];
  readonly checkpoint: string;
  readonly python: string;
  /** Folder that `export_nnunet.py` was run into before; then no Python is needed. */
  readonly exported?: string;
  readonly modality: readonly string[];
}

/**
 * `scanlane import nnunet`: a trained nnU-Net v2 model as a model package. The package is put together beside its
 * place and moved there whole.
 *
 * @param trained folder of one configuration: holds plans.json, dataset.json and fold_*
 */
export async function importNnunet(trained: string, flags: ImportFlags): Promise<void> {
  const folder = resolve(trained);
  const plans = await document(NnunetPlans, join(folder, "plans.json"));
  const dataset = await document(NnunetDataset, join(folder, "dataset.json"));
  const models = modelsFolder(flags.models);
  await mkdir(models, { recursive: true });
  const made = await mkdtemp(join(models, ".import-"));
  try {
    const exported = flags.exported ? resolve(flags.exported) : made;
    if (!flags.exported) await runExport(folder, made, flags);
    const facts = await document(NnunetExport, join(exported, "export.json"));
    const digests: string[] = [];
    for (const { file } of facts.folds) {
      const bytes = await readFile(join(exported, basename(file)));
      if (exported !== made) await writeFile(join(made, basename(file)), bytes);
      digests.push(sha256(bytes));
    }
    await mkdir(join(made, "golden"), { recursive: true });
    for (const name of ["input.nii.gz", "labels.nii.gz"]) {
      if (exported === made) continue;
      await writeFile(join(made, "golden", name), await readFile(join(exported, "golden", name)));
    }
    const id = flags.id ?? shortName(`nnunet-${plans.dataset_name}-${facts.configuration}`);
    const manifest = manifestOfNnunet({ plans, dataset, exported: facts, digests, id, modalities: flags.modality });
    await writeFile(join(made, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    await rm(join(made, "export.json"), { force: true });
    const place = join(models, id);
    if (existsSync(place)) {
      throw new PipelineError("ModelInvalid", `model ${id} is there already, expected a new name (--id)`);
    }
    await rename(made, place);
    console.log(place);
    console.log(`logits of ONNX and PyTorch differ by at most ${facts.parity}; check with: scanlane verify ${id}`);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** From dist/src/cli and from src/cli alike, the workshop of the nearest package. */
function exportScript(): string {
  for (const path of ["../../models/workshop/export_nnunet.py", "../../../models/workshop/export_nnunet.py"]) {
    const script = fileURLToPath(new URL(path, import.meta.url));
    if (existsSync(script)) return script;
  }
  throw new PipelineError(
    "ModelInvalid",
    "the workshop is not part of this installation, expected --exported <folder> that export_nnunet.py was run into",
  );
}

async function runExport(trained: string, out: string, flags: ImportFlags): Promise<void> {
  const args = [exportScript(), trained, out, "--checkpoint", flags.checkpoint, "--folds", ...flags.folds];
  await promisify(execFile)(flags.python, args, { maxBuffer: 2 ** 26 }).catch((cause: Error & { stderr?: string }) => {
    const last = cause.stderr?.trim().split("\n").at(-1) ?? cause.message;
    throw new PipelineError("ModelInvalid", `the export in Python failed: ${last}`, { cause });
  });
}

async function document<T extends z.ZodType>(schema: T, path: string): Promise<z.infer<T>> {
  const name = `${basename(dirname(path))}/${basename(path)}`;
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new PipelineError("ModelInvalid", `${name} is not there, expected the folder of a trained model`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new PipelineError("ModelInvalid", `${name} is not JSON`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PipelineError("ModelInvalid", `${name}, field ${issue?.path.join(".") || "(root)"}: ${issue?.message}`);
}
