import type { Command } from "commander";

/** Commands that make a model package of a model trained elsewhere. */
export function addImportCommands(program: Command, signal: () => AbortSignal): void {
  const imports = program.command("import").description("make a model package of a model trained elsewhere");
  imports
    .command("nnunet")
    .description("a trained nnU-Net v2 configuration: the folder with plans.json, dataset.json and fold_*")
    .argument("<folder>")
    .option("--id <id>", "name of the package (default: from data set and configuration)")
    .option("--models <dir>", "folder of model packages")
    .option("--folds <fold...>", "folds whose mean decides", ["0"])
    .option("--checkpoint <file>", "checkpoint of each fold", "checkpoint_final.pth")
    .option("--modality <code...>", "DICOM modalities that the model was trained on (default: any)", [])
    .option("--python <command>", "Python with nnunetv2, onnx and onnxruntime", "python3")
    .option("--exported <dir>", "folder that models/workshop/export_nnunet.py was run into before")
    .option("--previous <model>", "of a cascade: the model that its previous stage was imported as, of the same folds")
    .action(async (folder, flags) => (await import("./import/nnunet.js")).importNnunet(folder, flags, signal()));
  imports
    .command("monai")
    .description("a MONAI bundle: the folder with configs/metadata.json, configs/inference.json and models/")
    .argument("<folder>")
    .option("--id <id>", "name of the package (default: from the folder's)")
    .option("--models <dir>", "folder of model packages")
    .option("--set <path=value...>", "replace a value of inference.json: inferer#overlap=0.5", [])
    .option("--modality <code...>", "DICOM modalities that the model was trained on (default: by metadata.json)", [])
    .option("--licence <name>", "licence of the weights (default: first line of the bundle's LICENSE)")
    .option("--python <command>", "Python with monai, torch, onnx and onnxruntime", "python3")
    .option("--exported <dir>", "folder that models/workshop/export_monai.py was run into before")
    .action(async (folder, flags) => (await import("./import/monai.js")).importMonai(folder, flags, signal()));
  imports
    .command("onnx")
    .description("a network alone: ONNX, one input [batch, channel, (z,) y, x] and one output of logits")
    .argument("<file>")
    .requiredOption("--settings <file>", "JSON: labels, and what else the file does not say (docs/models.md)")
    .option("--id <id>", "name of the package (default: from the file's)")
    .option("--models <dir>", "folder of model packages")
    .action(async (file, flags) => (await import("./import/onnx.js")).importOnnx(file, flags, signal()));
}
