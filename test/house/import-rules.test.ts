import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const REPO = fileURLToPath(new URL("../..", import.meta.url));
const BIN = join(REPO, "node_modules", ".bin");

/** What a file may not import: path of the file, then the import. */
const FORBIDDEN = [
  ["src/imaging/a.ts", "#src/core/errors.js"],
  ["src/imaging/a.ts", "node:fs"],
  ["src/imaging/a.ts", "zod"],
  ["src/imaging/a.ts", "../core/errors.js"],
  ["src/imaging/classical/a.ts", "#src/core/errors.js"],
  ["src/imaging/classical/a.ts", "node:fs"],
  ["src/classical/a.ts", "#src/refine/apply-steps.js"],
  ["src/classical/a.ts", "#src/inference/network-grid.js"],
  ["src/core/a.ts", "#src/imaging/volume.js"],
  ["src/core/a.ts", "zod"],
  ["src/model/a.ts", "#src/formats/scan.js"],
  ["src/formats/a.ts", "#src/storage/keys.js"],
  ["src/storage/a.ts", "#src/workflow/contract.js"],
  ["src/storage/a.ts", "@aws-sdk/client-s3"],
  ["src/workflow/a.ts", "#src/storage/scan-store.js"],
  ["src/workflow/a.ts", "#src/model/manifest.js"],
  ["src/inference/a.ts", "#src/formats/scan.js"],
  ["src/inference/a.ts", "onnxruntime-node"],
  ["src/refine/a.ts", "#src/inference/network-session.js"],
  ["src/evaluate/a.ts", "#src/stages/stage.js"],
  ["src/report/a.ts", "#src/storage/keys.js"],
  ["src/report/a.ts", "#src/stages/stage.js"],
  ["src/stages/a.ts", "#src/local/places.js"],
  ["src/stages/a.ts", "#src/cli/table.js"],
  ["src/stages/a.ts", "#functions/runtime/s3-store.js"],
  ["src/stages/a.ts", "../../functions/runtime/s3-store.js"],
  ["src/stages/a.ts", "onnxruntime-node"],
  ["src/stages/a.ts", "aws-cdk-lib"],
  ["src/intake/a.ts", "#src/stages/stage.js"],
  ["src/intake/a.ts", "@aws-sdk/client-dynamodb"],
  ["src/operate/a.ts", "#src/stages/stage.js"],
  ["src/operate/a.ts", "#src/local/places.js"],
  ["src/operate/a.ts", "@aws-sdk/client-sfn"],
  ["src/local/a.ts", "@aws-sdk/client-sfn"],
  ["src/local/a.ts", "#src/cli/table.js"],
  ["src/cli/a.ts", "@aws-sdk/client-s3"],
  ["src/cli/a.ts", "#functions/cli/results.js"],
  ["src/cli/a.ts", "#functions/runtime/s3-store.js"],
  ["src/index.ts", "./cli/table.js"],
  ["src/index.ts", "#src/cli/table.js"],
  ["functions/segment/main.ts", "#src/local/places.js"],
  ["functions/segment/main.ts", "../../src/stages/segment.js"],
  ["functions/inspect/handler.ts", "aws-cdk-lib/aws-s3"],
  ["functions/cli/a.ts", "../../src/cli/table.js"],
  ["infra/constructs/a.ts", "#src/stages/stage.js"],
  ["infra/constructs/a.ts", "../../src/storage/folder-store.js"],
  ["infra/constructs/a.ts", "../../functions/inspect/handler.js"],
] as const;

/** What a file of each room may import. */
const ALLOWED = [
  ["src/imaging/a.ts", "./volume.js"],
  ["src/imaging/classical/a.ts", "#src/imaging/volume.js"],
  ["src/classical/a.ts", "#src/model/classical-method.js"],
  ["src/core/a.ts", "node:crypto"],
  ["src/model/a.ts", "#src/core/errors.js"],
  ["src/formats/a.ts", "node:fs/promises"],
  ["src/storage/a.ts", "node:fs/promises"],
  ["src/workflow/a.ts", "#src/storage/keys.js"],
  ["src/inference/a.ts", "#src/model/manifest.js"],
  ["src/inference/ort-session.ts", "onnxruntime-node"],
  ["src/refine/a.ts", "#src/imaging/volume.js"],
  ["src/evaluate/a.ts", "#src/model/manifest.js"],
  ["src/report/a.ts", "#src/workflow/contract.js"],
  ["src/stages/a.ts", "#src/report/report-html.js"],
  ["src/intake/a.ts", "#src/stages/documents.js"],
  ["src/operate/a.ts", "#src/intake/series-ledger.js"],
  ["src/local/a.ts", "#src/stages/stage.js"],
  ["src/cli/a.ts", "#src/local/places.js"],
  ["src/index.ts", "./core/errors.js"],
  ["functions/segment/main.ts", "#src/stages/segment.js"],
  ["functions/segment/main.ts", "../runtime/env.js"],
  ["functions/cli/a.ts", "#src/cli/table.js"],
  ["infra/constructs/a.ts", "#src/workflow/service-errors.js"],
  ["infra/a.ts", "#src/model/routes.js"],
  ["infra/constructs/b/a.ts", "#functions/bundling.js"],
] as const;

/** `biome ci` over files that import the given modules, with this repository's rules. */
function lint(folder: string, files: Readonly<Record<string, string>>): { status: number | null; complaints: string } {
  mkdirSync(folder);
  cpSync(join(REPO, "biome.json"), join(folder, "biome.json"));
  cpSync(join(REPO, "test", "house"), join(folder, "test", "house"), {
    recursive: true,
    filter: (path) => !path.endsWith(".ts"),
  });
  writeFileSync(join(folder, ".gitignore"), "node_modules\n");
  symlinkSync(join(REPO, "node_modules"), join(folder, "node_modules"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const options = ["ci", "--reporter=github", "--max-diagnostics=none", "--colors=off"];
  const { status, stdout, stderr } = spawnSync(join(BIN, "biome"), options, { cwd: folder, encoding: "utf8" });
  return { status, complaints: stdout + stderr };
}

/** A file of its own for every case, so that each complaint has one cause. */
function caseFile(path: string, n: number): string {
  // Rules for single files go by their whole name: those cases get a tree of their own.
  return path.endsWith("/a.ts") ? path.replace(/a\.ts$/, `case-${n}.ts`) : path;
}

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "import-rules-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("the import rules", () => {
  it("pass a file of each room that keeps them", () => {
    const files: Record<string, string> = {};
    for (const [path, from] of ALLOWED) files[path] = `${files[path] ?? ""}import "${from}";\n`;
    files["src/cli/cloud.ts"] = 'export const results = () => import("#functions/cli/results.js");\n';
    const { status, complaints } = lint(join(root, "clean"), files);
    expect(complaints).not.toContain("::error");
    expect(status).toBe(0);
  });

  it("fail the build for every forbidden import", () => {
    const cases = FORBIDDEN.map(([path, from], n) => ({ path, from, file: caseFile(path, n) }));
    // Two cases for one whole name cannot lie in one tree.
    const missed: string[] = [];
    const trees: (typeof cases)[] = [];
    for (const one of cases) {
      const tree = trees.find((others) => others.every(({ file }) => file !== one.file));
      if (tree) tree.push(one);
      else trees.push([one]);
    }
    for (const [n, tree] of trees.entries()) {
      const files = Object.fromEntries(tree.map(({ file, from }) => [file, `import "${from}";\n`]));
      const { status, complaints } = lint(join(root, `planted-${n}`), files);
      expect(status).not.toBe(0);
      const lines = complaints.split("\n").filter((line) => line.startsWith("::error"));
      for (const { path, from, file } of tree) {
        if (!lines.some((line) => line.includes(`${file},`) && /noRestrictedImports|title=plugin/.test(line))) {
          missed.push(`${path} imports ${from}`);
        }
      }
    }
    expect(missed).toEqual([]);
  });

  it("see type imports, exports from, and dynamic imports", () => {
    const { complaints } = lint(join(root, "kinds"), {
      "src/core/type.ts": 'import type { A } from "#src/model/manifest.js";\n\nexport type B = A;\n',
      "src/core/again.ts": 'export * from "#src/model/manifest.js";\n',
      "src/core/later.ts": 'export const later = () => import("#src/model/manifest.js");\n',
    });
    for (const name of ["type", "again", "later"]) expect(complaints).toMatch(new RegExp(`core/${name}\\.ts,`));
  });

  it("keep Node out of the voxel kernels by their types", () => {
    const folder = join(root, "kernels");
    mkdirSync(folder);
    writeFileSync(join(folder, "kernel.ts"), "export const home = process.cwd();\n");
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(REPO, "tsconfig.kernels.json"),
        compilerOptions: { noEmit: true, composite: false, rootDir: folder },
        include: ["kernel.ts"],
      }),
    );
    const { status, stdout } = spawnSync(join(BIN, "tsc"), ["-p", folder], { encoding: "utf8" });
    expect(stdout).toContain("kernel.ts(1,21)");
    expect(stdout).toContain("'process'");
    expect(status).not.toBe(0);
  });
});
