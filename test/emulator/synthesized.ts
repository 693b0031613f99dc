import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const REPO = fileURLToPath(new URL("../..", import.meta.url));

/** What `cdk synth` wrote: the template of the one stack, and the folders of its functions' code. */
export interface Synthesized {
  readonly template: { readonly Resources: Record<string, TemplateResource> };
  readonly templateBytes: Uint8Array;
  /** Folder of a function's code by its key in the assets' bucket. */
  readonly code: ReadonlyMap<string, string>;
}

interface TemplateResource {
  readonly Type: string;
  readonly Properties?: { readonly Code?: { readonly S3Key?: string }; readonly Handler?: string };
}

/** Synthesizes the stack as `cdk deploy` does, bundles and all. */
export function synthesized(config: Record<string, unknown>): Synthesized {
  const out = mkdtempSync(join(tmpdir(), "cdk-"));
  const stack = `scanlane-${config.stage ?? "dev"}`;
  const quiet = ["--quiet", "--no-notices", "--no-lookups", "--no-version-reporting"];
  const args = ["cdk", "synth", ...quiet, "--output", out, "--context", `scanlane=${JSON.stringify(config)}`];
  const child = spawnSync("npx", args, { cwd: REPO, encoding: "utf8" });
  if (child.status !== 0) throw new Error(child.stderr);
  const templateBytes = readFileSync(join(out, `${stack}.template.json`));
  const template: Synthesized["template"] = JSON.parse(templateBytes.toString("utf8"));
  const keys = Object.values(template.Resources).flatMap(({ Properties }) => Properties?.Code?.S3Key ?? []);
  const code = new Map(keys.map((key) => [key, join(out, `asset.${key.replace(/\.zip$/, "")}`)]));
  return { template, templateBytes, code };
}
