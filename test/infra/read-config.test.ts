import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { configFields, configSchemaText, withConfigTable } from "../../infra/config-fields.js";
import { selectModels } from "../../infra/model-selection.js";
import { parseConfig, readConfig } from "../../infra/read-config.js";

const REPO = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(REPO, path), "utf8");

const folder = mkdtempSync(join(tmpdir(), "config-"));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return name;
};
const messageOf = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : "";
  }
  return "";
};

describe("readConfig", () => {
  it("takes the file that the context of cdk.json names, and the one in the repository asks for nothing", () => {
    const { scanlane } = JSON.parse(read("cdk.json")).context;
    expect(readConfig(scanlane, REPO)).toEqual({
      ...parseConfig({}, "x"),
      $schema: "./infra/scanlane.config.schema.json",
    });
  });

  it("takes an empty file for a configuration", () => {
    expect(readConfig(file("empty.json", "\n"), folder)).toEqual(parseConfig({}, "x"));
  });

  it("takes JSON of the command line instead of a file, and never both", () => {
    expect(readConfig('{"stage":"prod"}', folder)).toEqual(parseConfig({ stage: "prod" }, "x"));
  });

  it("finds the routes that a file names beside it", () => {
    const rule = { modality: "MR", model: "brain-mask-unet2d" };
    file("rules.json", JSON.stringify({ schemaVersion: 1, routes: [rule] }));
    const config = readConfig(file("routes.config.json", '{"routes":"rules.json"}'), folder);
    expect(selectModels(config).routes?.routes).toEqual([{ ...rule, irregular: "reject" }]);
    expect(selectModels(parseConfig({}, "x")).routes).toBeNull();
  });

  it.each([
    [undefined, /context scanlane: found nothing, expected the path of a configuration file/],
    [{ stage: "dev" }, /context scanlane: found object, expected the path/],
    ["no-such.json", /found no file no-such\.json, expected/],
    ["{", /context scanlane: found no JSON \(/],
  ])("refuses %j as what the context names", (given, message) => {
    expect(messageOf(() => readConfig(given, folder))).toMatch(message);
  });

  it.each([
    [{ stagee: "x" }, "stagee: found a field that is not known, expected one of stage, buckets, network, compute"],
    [
      { compute: { maxVCpus: 8 } },
      "compute.maxVCpus: found a field that is not known, expected one of kind, instanceTypes, maxVcpus, postprocessGpu",
    ],
    [
      { uploads: { prefixes: [{ prefix: "er/", shares: [] }] } },
      "uploads.prefixes[0].shares: found a field that is not known, expected one of prefix, model, share",
    ],
    [{ compute: { maxVcpus: 2 } }, "compute.maxVcpus: found 2, expected at least 4"],
    [{ compute: { maxVcpus: 8.5 } }, "compute.maxVcpus: found 8.5, expected a whole number"],
    [{ compute: { kind: "tpu" } }, 'compute.kind: found "tpu", expected one of gpu, cpu'],
    [{ compute: { instanceTypes: [] } }, "compute.instanceTypes: found [], expected entries, at least 1"],
    [{ dataEvents: "yes" }, 'dataEvents: found "yes", expected a boolean'],
    [
      { buckets: { scans: { name: "Not A Bucket" } } },
      'buckets.scans.name: found "Not A Bucket", expected the name of a bucket',
    ],
    [{ buckets: { scans: {} } }, "buckets.scans.name: found nothing, expected a string"],
    [{ retention: { logDays: 91 } }, "retention.logDays: found 91, expected one of 1, 3, 5, 7, 14, 30, 60, 90"],
    [
      { retention: { resultDays: 10, resultLockDays: 30 } },
      "retention.resultDays: found 10, expected more than the 30 days",
    ],
    [{ routes: [{ modality: 5, model: "x" }] }, "routes[0].modality: found 5, expected a string"],
    [{ models: 5 }, "models: found 5, expected all, or a list of ids of model packages"],
    [
      { notifications: { alarmEmails: ["nobody"] } },
      'notifications.alarmEmails[0]: found "nobody", expected an email address',
    ],
    [[], "the configuration: found [], expected an object"],
  ])("names the field, what was found and what was expected: %j", (config, message) => {
    expect(messageOf(() => parseConfig(config, "prod.json"))).toContain(
      `ConfigError: prod.json cannot be used:\n  ${message}`,
    );
  });

  it("names every field that is wrong, not the first alone", () => {
    const message = messageOf(() => parseConfig({ stage: "X", dataEvents: 1 }, "prod.json"));
    expect(message.split("\n")).toHaveLength(3);
  });
});

describe("selectModels", () => {
  const select = (config: object) => () => selectModels(parseConfig(config, "x"));

  it.each([
    [{ models: ["liver"] }, /^ConfigError: models\[0\]: found "liver", expected one of brain-mask-unet2d, /],
    [{ routes: [{ model: "liver" }] }, /routes\[0\]\.model: found "liver", expected one of the deployed models/],
    [
      { models: ["bright-region"], routes: [{ model: "brain-mask-unet2d" }] },
      /expected one of the deployed models: bright-region$/,
    ],
    [{ models: ["bright-region"] }, /routes\[0\]\.model: found "hippocampus-unet3d"/],
    [{ uploads: { models: ["liver"] } }, /uploads\.models\[0\]: found "liver"/],
    [{ uploads: { prefixes: [{ prefix: "a/", model: "liver" }] } }, /uploads\.prefixes\[0\]\.model: found "liver"/],
    [
      {
        routes: [
          { modality: "MR", model: "bright-region" },
          { model: "bright-region", deidentify: "basic" },
        ],
      },
      /^ConfigError: routes\[1\]\.deidentify: found "basic", expected deidentification to be true: without it /,
    ],
    [
      { routes: Array(40).fill({ modality: "MR", bodyPart: "HEAD", model: "bright-region" }) },
      /routes: found \d+ bytes as JSON, expected at most 2560/,
    ],
  ])("refuses %j", (config, message) => {
    expect(messageOf(select(config))).toMatch(message);
  });

  it("takes a model with those that it asks", () => {
    const root = mkdtempSync(join(tmpdir(), "models-"));
    const { network, ...one } = JSON.parse(read("models/brain-mask-unet2d/manifest.json"));
    const channels = [{ name: "any", modalities: ["MR"] }];
    const fields = ["schemaVersion", "version", "title", "description", "labels", "postprocess"] as const;
    const more = ["licence", "trainingData", "scores", "golden"] as const;
    const shared = Object.fromEntries([...fields, ...more].map((field) => [field, one[field]]));
    const members = ["first", "second"].map((model) => ({ model, weight: 0.5 }));
    const manifests = [
      ...["first", "second", "other"].map((id) => ({ ...one, network, id })),
      { ...shared, channels, id: "together", ensemble: { grid: "source", members } },
    ];
    for (const manifest of manifests) {
      mkdirSync(join(root, manifest.id));
      writeFileSync(join(root, manifest.id, "manifest.json"), JSON.stringify(manifest));
    }
    const chosen = (models: string[]) => selectModels(parseConfig({ models, routes: [] }, "x"), root).models;
    expect(chosen(["together"])).toEqual(["first", "second", "together"]);
    expect(chosen(["other"])).toEqual(["other"]);
  });
});

describe("what follows from the schema of the configuration (npm run docs:config)", () => {
  it("is of now: the JSON Schema for editors, and the table of docs/deploy.md", () => {
    expect(read("infra/scanlane.config.schema.json")).toBe(configSchemaText());
    expect(withConfigTable(read("docs/deploy.md"))).toBe(read("docs/deploy.md"));
  });

  it("describes every field", () => {
    expect(configFields().filter(({ description }) => description === "")).toEqual([]);
  });
});

it("the app says what is wrong, and ends with 1", () => {
  const args = ["--conditions=development", "--import", "tsx", "infra/app.ts"];
  const env = { ...process.env, CDK_CONTEXT_JSON: JSON.stringify({ scanlane: '{"stage":"Prod!"}' }) };
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: REPO, encoding: "utf8", env });
  expect(stderr).toBe(
    'context scanlane cannot be used:\n  stage: found "Prod!", expected lower-case letters, digits and hyphens, at most 20\n',
  );
  expect(status).toBe(1);
}, 60_000);
