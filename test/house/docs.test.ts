import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EXIT } from "#src/cli/exit-codes.js";
import { ERROR_CLASSES } from "#src/core/errors.js";
import { ClassicalManifest, type PackageManifest } from "#src/model/classical-manifest.js";
import { ModelManifest } from "#src/model/manifest.js";

const REPO = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(REPO, path), "utf8");

const DECISIONS = readdirSync(join(REPO, "docs/decisions")).map((name) => `docs/decisions/${name}`);
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...readdirSync(join(REPO, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  ...DECISIONS,
];

function manifests(): PackageManifest[] {
  return readdirSync(join(REPO, "models"))
    .map((id) => join(REPO, "models", id, "manifest.json"))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, "utf8")))
    .map((value) => ("classical" in value ? ClassicalManifest.parse(value) : ModelManifest.parse(value)));
}

describe("the documentation", () => {
  it.each(PAGES)("has no dead link in %s", (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = ""]) => target);
    const dead = links.filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(REPO, dirname(page), link)));
    expect(dead).toEqual([]);
  });

  it.each(["docs/pipeline.md", ...DECISIONS])("names only files that exist in %s", (page) => {
    const names = [...read(page).matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|json|md))`/g)].map(([, name = ""]) => name);
    expect(page !== "docs/pipeline.md" || names.length > 20).toBe(true);
    const missing = names.filter((name) => !existsSync(join(REPO, name)) && !existsSync(join(REPO, "src", name)));
    expect(missing).toEqual([]);
  });

  it("lists every decision", () => {
    const list = read("docs/decisions/README.md");
    for (const page of DECISIONS) {
      const name = page.slice("docs/decisions/".length);
      if (name !== "README.md") expect(list).toContain(`(${name})`);
    }
  });

  it("gives the exit codes that the command ends with", () => {
    const documented = [...read("README.md").matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    const used = [...Object.values(EXIT), ...Object.values(ERROR_CLASSES).map(({ exitCode }) => exitCode)];
    expect(documented.sort((a, b) => a - b)).toEqual(used.sort((a, b) => a - b));
  });

  it("names each model with the licence of its weights, in README and NOTICE", () => {
    const [readme, notice] = [read("README.md"), read("NOTICE")];
    const models = manifests();
    expect(models.length).toBeGreaterThan(0);
    for (const { id, licence, trainingData } of models) {
      const row = readme.split("\n").find((line) => line.startsWith(`| [\`${id}\`]`));
      expect(row).toContain(`| ${licence.weights} |`);
      const entry = notice.slice(notice.indexOf(`models/${id}/`)).split("\n\n")[0];
      expect(entry).toContain(`Licence: ${licence.weights}`);
      for (const { licence: data } of trainingData) expect(entry).toContain(data);
    }
  });

  it.each(manifests())("states the scores of its manifest in the card of $id", ({ id, scores }) => {
    const card = read(`models/${id}/CARD.md`);
    expect(scores.length).toBeGreaterThan(0);
    for (const { mean, interval, cases } of scores) {
      const parts = [
        mean.toFixed(3),
        ...(interval ? [interval.map((end) => end.toFixed(3)).join("-"), `${cases}`] : []),
      ];
      const rows = card.split("\n").filter((line) => parts.every((part) => line.includes(part)));
      expect(rows, parts.join(", ")).not.toEqual([]);
    }
  });

  it.each(["README.md", "NOTICE", "SECURITY.md", "docs/pipeline.md"])("leaves nothing to be done in %s", (page) => {
    expect(read(page)).not.toMatch(/\b(?:TODO|FIXME|TBD)\b/);
  });
});

describe("the repository", () => {
  it("installs without scripts that download", () => {
    expect(read(".npmrc")).toContain("onnxruntime-node-install=skip");
    expect(read(".npmrc")).not.toMatch(/registry/);
    expect(JSON.parse(read("package.json")).allowScripts).toMatchObject({ "onnxruntime-node": false });
  });
});
