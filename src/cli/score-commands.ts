import { type Command, Option } from "commander";
import {
  labelList,
  lengthOf,
  modelList,
  positiveInteger,
  scoredLabel,
  shareList,
  shareOf,
  wholeNumber,
} from "./option-values.js";

/** Commands that work on label maps and probabilities of any program: steps, thresholds, scores, comparisons. */
export function addScoreCommands(program: Command, signal: () => AbortSignal, done: (code: number) => void): void {
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
    .requiredOption(
      "--probabilities <dir>",
      "one file or folder a case, as `refine` reads them, or a folder of results with --outputs probabilities",
    )
    .requiredOption("--truth <dir>", "label maps of the same names, NIfTI")
    .requiredOption("--label <value>", "label to tune", positiveInteger)
    .option("-m, --model <id>", "of a folder with results of several models: those of this one")
    .addOption(
      new Option("--rule <rule>", "what is tuned").choices(["threshold", "triplet"] as const).default("threshold"),
    )
    .addOption(
      new Option("--scope <scope>", "what the triplet judges at once")
        .choices(["volume", "slice"] as const)
        .default("volume"),
    )
    .option("--regions <values>", "labels that the channels write, of probabilities that overlap: 1,2,3", labelList)
    .option("--channels <values>", "labels of the channels, where they are not 0,1,2 and so on: 1,2", labelList)
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
      "folder of label maps of the reference, one a case (NIfTI, NRRD, MetaImage, PNG, TIFF, DICOM SEG), or one file",
    )
    .requiredOption(
      "--pred <dir>",
      "label maps to score, of the same names; a folder of results, by its uploads' names; or one file",
    )
    .option("-m, --model <id>", "of folders with results of several models: those of this one")
    .option("--against <dir>", "other predictions of the same cases to compare with")
    .option(
      "--labels <name=values...>",
      "labels to score: liver=1 lesions=2,3 nuclei=1+ (1 and above; default: every value)",
      scoredLabel,
    )
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
    .action(async (flags) => done(await (await import("./compare.js")).compare(flags, signal())));
}
