import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { modelsFolder } from "#src/cli/models-folder.js";
import { sha256 } from "#src/core/ids.js";
import { shortName } from "#src/model/import/imported-labels.js";
import { manifestOfNnunet } from "#src/model/import/nnunet.js";
import { NnunetDataset, NnunetExport, NnunetPlans } from "#src/model/import/nnunet-files.js";
import { folderModels } from "#src/model/model-library.js";
import { assertFit } from "#src/model/other-models.js";
import { makePackage, readDocument, writeManifest } from "./package-folder.js";
import { runWorkshop } from "./workshop.js";

export interface ImportNnunetFlags {
  readonly id?: string;
  readonly models?: string;
  readonly folds: readonly string[];
  readonly checkpoint: string;
  readonly python: string;
  /** Folder that `export_nnunet.py` was run into before; then no Python is needed. */
  readonly exported?: string;
  readonly modality: readonly string[];
  /** Of a cascade: the model that its previous stage was imported as. */
  readonly previous?: string;
}

const EXPECTED = "the folder of a trained model";

/**
 * `scanlane import nnunet`: a trained nnU-Net v2 model as a model package.
 *
 * @param trained folder of one configuration: holds plans.json, dataset.json and fold_*
 */
export async function importNnunet(trained: string, flags: ImportNnunetFlags, signal: AbortSignal): Promise<void> {
  const folder = resolve(trained);
  const plans = await readDocument(NnunetPlans, join(folder, "plans.json"), EXPECTED);
  const dataset = await readDocument(NnunetDataset, join(folder, "dataset.json"), EXPECTED);
  let parity = 0;
  const place = await makePackage(flags.models, signal, async (made) => {
    const exported = flags.exported ? resolve(flags.exported) : made;
    if (!flags.exported) {
      const args = [folder, made, "--checkpoint", flags.checkpoint, "--folds", ...flags.folds];
      await runWorkshop(flags.python, "export_nnunet.py", args, signal);
    }
    const facts = await readDocument(NnunetExport, join(exported, "export.json"), "what the export wrote");
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
    const { modality: modalities, previous } = flags;
    const manifest = manifestOfNnunet({
      ...{ plans, dataset, exported: facts, digests, id, modalities },
      ...(previous === undefined ? {} : { previous }),
    });
    if (previous !== undefined) {
      const model = await folderModels(modelsFolder(flags.models)).open(previous);
      assertFit(manifest, new Map([[previous, model]]));
    }
    await writeManifest(made, manifest);
    parity = facts.parity;
    return id;
  });
  console.log(place);
  console.log(`logits of ONNX and PyTorch differ by at most ${parity}; check with: scanlane verify ${basename(place)}`);
}
