import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, open, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { folderStore } from "#src/storage/folder-store.js";
import { CLI } from "../support/cli.js";
import { OperatedScans, resultIdOf, scanIdOf } from "../support/operated-scans.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";

const HAS_SCRIPT = existsSync("/usr/bin/script");
const children: ChildProcess[] = [];

afterEach(() => {
  // One that did not end.
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function started(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
  children.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on("close", (...how) => resolve(how));
  });
  return { child, ended, output: () => output };
}

const scanlane = (...args: string[]) => started(process.execPath, [CLI, ...args]);

describe("a command that is ended from outside", () => {
  it("ends at once where nothing has to be put away", async () => {
    const network = brightNetwork();
    const models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
    const golden = join(models, "bright3d", "golden");
    await mkdir(golden);
    // Nothing ever comes of it: the command waits until it is ended.
    const pipe = join(golden, "input.nii.gz");
    await started("mkfifo", [pipe]).ended;
    const verify = scanlane("verify", "bright3d", "--models", models);
    const writing = await open(pipe, "w");
    verify.child.kill("SIGTERM");
    expect(await verify.ended).toEqual([null, "SIGTERM"]);
    await writing.close();
  });

  it("leaves no half-made package, and ends the program that it waits for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "interrupted-"));
    const [trained, models, python] = [join(folder, "trained"), join(folder, "models"), join(folder, "python")];
    const plans = {
      dataset_name: "Dataset001_Bright",
      plans_name: "nnUNetPlans",
      image_reader_writer: "SimpleITKIO",
      transpose_forward: [0, 1, 2],
      configurations: {},
      foreground_intensity_properties_per_channel: {},
    };
    await mkdir(trained);
    await writeFile(join(trained, "plans.json"), JSON.stringify(plans));
    const dataset = { channel_names: { 0: "noNorm" }, labels: { background: 0, bright: 1 } };
    await writeFile(join(trained, "dataset.json"), JSON.stringify(dataset));
    // Stands for the export: it has begun to write into the package's folder, the second argument after its own name.
    await writeFile(python, `#!/bin/sh\necho half > "$3/network.onnx"\necho $$ > "${folder}/pid"\nexec sleep 60\n`);
    await chmod(python, 0o755);
    const importing = scanlane("import", "nnunet", trained, "--models", models, "--python", python);
    while (!existsSync(join(folder, "pid"))) await sleep(20);
    importing.child.kill("SIGTERM");
    expect(await importing.ended, importing.output()).toEqual([130, null]);
    expect(await readdir(models)).toEqual([]);
    const pid = Number(await readFile(join(folder, "pid"), "utf8"));
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it.runIf(HAS_SCRIPT).each([
    ["is told as interrupted by Ctrl-C", "\u0003", 130, false],
    ["takes the end of the input for no", "\u0004", 0, true],
  ])("%s at a question (script)", async (_, key, code, isAnswer) => {
    const out = await mkdtemp(join(tmpdir(), "asked-"));
    const deid = await mkdtemp(join(tmpdir(), "asked-deid-"));
    const results = folderStore(out);
    const scans = new OperatedScans({ work: folderStore(join(out, ".work")), results });
    await scans.takenIn(scanIdOf(1));
    await scans.published(scanIdOf(1), 1, "t0", resultIdOf(1));
    const command = [process.execPath, CLI, "delete", scanIdOf(1), "--out", out, "--deid-dir", deid];
    // A terminal to ask at; ends with the command's code.
    const asked = started("script", ["-qec", command.join(" "), "/dev/null"]);
    while (!asked.output().includes("[y/N]")) await sleep(20);
    asked.child.stdin?.write(key);
    expect(await asked.ended, asked.output()).toEqual([code, null]);
    expect(asked.output().includes("nothing was removed")).toBe(isAnswer);
    expect(await results.head(`${resultIdOf(1)}/result.json`)).not.toBeNull();
  });
});
