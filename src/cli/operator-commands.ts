import { type Command, Option } from "commander";

/**
 * The commands of whoever looks after scans that were run. All of them look into a folder of this machine, or on AWS
 * where the outputs of a stack are named.
 */
export function addOperatorCommands(program: Command, signal: () => AbortSignal, done: (code: number) => void): void {
  inStack(
    inResults(program.command("status").description("say how a scan stands: attempt, stage reached, result or reason"))
      .argument("<id>", "scan id, name of an execution, result id; on AWS series id")
      .option("--ledger-table <name>", "for a series id: stack output LedgerTable")
      .option("--json", "print one JSON document"),
  ).action(async (id, flags) => done(await (await import("./status.js")).status(id, flags)));
  inResults(program.command("results").description("list what was run, a line an image"))
    .option("--source <prefix>", "those alone whose upload's name starts so")
    .addOption(new Option("--status <which>", "those alone that ended so").choices(["published", "set-aside"] as const))
    .option("--all", "earlier attempts too")
    .option("--json", "print one JSON document a line")
    .action(async (flags) => done(await (await import("./results.js")).results(flags)));

  const quarantine = program.command("quarantine").description("what was set aside, and why");
  inResults(quarantine.command("list").description("list it by ids"))
    .option("--code <code...>", "those alone with one of these codes")
    .option("--names", "name uploads too")
    .option("--all", "those too of which a later attempt ended")
    .option("--json", "print one JSON document a line")
    .action(async (flags) => done(await (await import("./quarantine.js")).listQuarantine(flags)));
  inResults(quarantine.command("show").description("print every record of one scan, with what to do"))
    .argument("<scan>", "scan id, or name of an execution")
    .option("--names", "name uploads too")
    .option("--json", "print one JSON document a line")
    .action(async (id, flags) => done(await (await import("./quarantine.js")).showQuarantine(id, flags)));
  inStack(
    inResults(quarantine.command("retry").description("start a new attempt; stages that are done are skipped"))
      .argument("[scans...]", "scan ids, or names of executions")
      .option("--code <code...>", "instead: all that were set aside with one of these codes")
      .option("--models <dir>", "folder of model packages, on this machine (default: those of this installation)")
      .option("-y, --yes", "with --code: start without asking")
      .option("--json", "print one JSON document a scan"),
  ).action(async (ids, flags) => done(await (await import("./quarantine.js")).retryQuarantine(ids, flags, signal)));

  const held = program.command("held").description("scans on AWS that wait for the runs of another day");
  const ofBucket = (command: Command) => command.requiredOption("--result-bucket <name>", "stack output ResultBucket");
  ofBucket(held.command("list").description("list them by ids"))
    .option("--names", "name uploads too")
    .option("--json", "print one JSON document a line")
    .action(async (flags) => done(await (await import("./held.js")).listHeld(flags)));
  ofBucket(held.command("release").description("start them now, whatever was used of the day"))
    .argument("<scan...>", "scan ids")
    .requiredOption("--to <url>", "the intake queue (stack output IntakeQueueUrl)")
    .action(async (ids, flags) => done(await (await import("./held.js")).releaseScans(ids, flags)));

  inStack(
    inResults(program.command("delete").description("remove everything derived from a scan; the upload stays"))
      .argument("<scan>", "scan id, or name of an execution")
      .option("--scan-bucket <name>", "stack output ScanBucket")
      .option("--ledger-table <name>", "stack output LedgerTable")
      .option("--deid-bucket <name>", "of a de-identified scan: stack output DeidBucket")
      .option("--lift-locks", "remove what S3 Object Lock holds in governance mode; needs a right of its own")
      .option("-y, --yes", "remove without asking")
      .option("--json", "print one JSON document"),
  ).action(async (id, flags) => done(await (await import("./delete.js")).deleteCommand(id, flags)));
}

function inResults(command: Command): Command {
  return command
    .option("-o, --out <dir>", "folder of results, on this machine", "scanlane-out")
    .option("--result-bucket <name>", "on AWS: stack output ResultBucket");
}

/** For commands that look beyond the results. */
function inStack(command: Command): Command {
  return command
    .option("--work <dir>", "folder of intermediate files, on this machine (default: <out>/.work)")
    .option("--deid-dir <dir>", "folder of de-identification, on this machine (default: as of `run`)")
    .option("--work-bucket <name>", "on AWS: stack output WorkBucket")
    .option("--machine <arn>", "on AWS: stack output StateMachineArn");
}
