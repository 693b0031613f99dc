import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { parseManifest } from "#src/model/model-library.js";
import { othersOf } from "#src/model/other-models.js";
import { Routes } from "#src/model/routes.js";
import { DEFAULT_ROUTES, type InfraConfig } from "./config.js";
import { ConfigError } from "./read-config.js";

/** The clone: paths that the defaults name start here. */
const REPO = fileURLToPath(new URL("../", import.meta.url));
const MODELS = join(REPO, "models");
/** Rules travel in a function's environment, which holds 4 KB in all. */
const MAX_ROUTES_BYTES = 2560;
/** The same of the rules of uploads. */
const MAX_UPLOADS_BYTES = 2048;

/** What a deployment is told of models. */
export interface ModelSelection {
  /** Ids of what is deployed; null for all of `models/`. */
  readonly models: readonly string[] | null;
  /** Null: those of `models/routes.json`, which are in the bundle. */
  readonly routes: Routes | null;
}

/**
 * The packages to deploy, with those that they ask, and the rules that choose among them.
 *
 * @param root folder of the packages
 * @throws {ConfigError} for a model that is not there, or that a rule names and that is not deployed; for a rule that
 *   asks for de-identified outputs where there is no place for what undoes it
 */
export function selectModels(
  config: Pick<InfraConfig, "models" | "routes" | "uploads" | "deidentification">,
  root: string = MODELS,
): ModelSelection {
  const known = readdirSync(root).filter((id) => existsSync(join(root, id, "manifest.json")));
  const deployed = config.models === "all" ? known : withOthers(config.models, known, root);
  const { routes, isListed } = routesOf(config.routes);
  const named: (readonly [string, string | undefined])[] = [
    ...routes.routes.map(({ model }, n) => [`routes[${n}].model`, model ?? undefined] as const),
    ...(config.uploads.models === "any"
      ? []
      : config.uploads.models.map((id, n) => [`uploads.models[${n}]`, id] as const)),
    ...config.uploads.prefixes.flatMap(({ model, models }, n) => [
      [`uploads.prefixes[${n}].model`, model] as const,
      ...(models === undefined || models === "any"
        ? []
        : models.map((id) => [`uploads.prefixes[${n}].models`, id] as const)),
    ]),
  ];
  for (const [field, id] of named) {
    if (id !== undefined && !deployed.includes(id)) {
      throw new ConfigError(`${field}: found "${id}", expected one of the deployed models: ${deployed.join(", ")}`);
    }
  }
  const asking = routes.routes.findIndex(({ deidentify }) => deidentify !== undefined);
  if (asking >= 0 && !config.deidentification) {
    throw new ConfigError(
      `routes[${asking}].deidentify: found "${routes.routes[asking]?.deidentify}", expected deidentification to be true: without it every scan of this rule is set aside`,
    );
  }
  if (isListed) assertFits("routes", routes, MAX_ROUTES_BYTES);
  assertFits("uploads", config.uploads, MAX_UPLOADS_BYTES);
  return { models: config.models === "all" ? null : deployed, routes: isListed ? routes : null };
}

function withOthers(wanted: readonly string[], known: readonly string[], root: string): string[] {
  const chosen = new Set<string>();
  const take = (id: string, field: string) => {
    if (!known.includes(id)) throw new ConfigError(`${field}: found "${id}", expected one of ${known.join(", ")}`);
    if (chosen.has(id)) return;
    chosen.add(id);
    const manifest = parseManifest(readFileSync(join(root, id, "manifest.json"), "utf8"), `manifest of ${id}`);
    for (const other of othersOf(manifest)) take(other, field);
  };
  for (const [n, id] of wanted.entries()) take(id, `models[${n}]`);
  return [...chosen].sort();
}

/** The rules, and whether functions must be told of them: those of `models/routes.json` are in the bundle. */
function routesOf(routes: InfraConfig["routes"]): { routes: Routes; isListed: boolean } {
  if (typeof routes !== "string") return { routes: { schemaVersion: SCHEMA_VERSION, routes }, isListed: true };
  const isOurs = routes === DEFAULT_ROUTES;
  const path = resolve(isOurs ? REPO : ".", routes);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new ConfigError("routes: found no JSON file of this name, expected one as models/routes.json", { cause });
  }
  const parsed = Routes.safeParse(value);
  if (parsed.success) return { routes: parsed.data, isListed: !isOurs };
  const [issue] = parsed.error.issues;
  throw new ConfigError(`routes, the file, field ${issue?.path.join(".") || "(root)"}: ${issue?.message}`);
}

function assertFits(field: string, value: unknown, limit: number): void {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes <= limit) return;
  const more = field === "routes" ? "; models/routes.json itself has no limit" : "";
  throw new ConfigError(
    `${field}: found ${bytes} bytes as JSON, expected at most ${limit}, as a function is told them${more}`,
  );
}
