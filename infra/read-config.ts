import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { InfraConfig } from "./config.js";

/** The configuration of a deployment cannot be used: the message has a line for each field. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * The configuration that the CDK context names: of `cdk.json` the path of a file, on the command line that of another
 * file (`-c scanlane=prod.json`) or the whole of it as JSON (`-c scanlane='{"stage":"prod"}'`), instead of a file.
 * Paths in a file are relative to it.
 *
 * @param given the value of the context `scanlane`
 * @param folder where paths on the command line start
 * @throws {ConfigError} naming each field, what was found and what was expected
 */
export function readConfig(given: unknown, folder: string): InfraConfig {
  if (typeof given !== "string") {
    const found = given === undefined ? "nothing" : typeof given;
    throw new ConfigError(`context scanlane: found ${found}, expected the path of a configuration file`);
  }
  if (given.trimStart().startsWith("{")) return fromText(given, "context scanlane", folder);
  const path = resolve(folder, given);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError(`context scanlane: found no file ${given}, expected the path of a configuration file`, {
      cause,
    });
  }
  return fromText(text, given, dirname(path));
}

function fromText(text: string, subject: string, folder: string): InfraConfig {
  let value: unknown;
  try {
    // An empty file is a configuration, too: all of it by default.
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "";
    throw new ConfigError(`${subject}: found no JSON (${reason}), expected an object`, { cause });
  }
  const config = parseConfig(value, subject);
  return typeof config.routes === "string" && isFieldOf(value, "routes")
    ? { ...config, routes: resolve(folder, config.routes) }
    : config;
}

/**
 * A configuration with all that it leaves out.
 *
 * @param subject what is named in messages
 * @throws {ConfigError}
 */
export function parseConfig(value: unknown, subject: string): InfraConfig {
  const parsed = InfraConfig.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.flatMap((issue) => linesOf(issue, value));
  throw new ConfigError([`${subject} cannot be used:`, ...lines.map((line) => `  ${line}`)].join("\n"));
}

type Issue = z.core.$ZodIssue;

/** Field, what was found, what was expected. */
function linesOf(issue: Issue, value: unknown): string[] {
  if (issue.code === "unrecognized_keys") {
    const known = fieldsAt(issue.path);
    return issue.keys.map((key) => `${nameOf([...issue.path, key])}: found a field that is not known${known}`);
  }
  const inner = innerIssue(issue);
  if (inner !== null) return linesOf(inner, value);
  const found = issue.path.reduce<unknown>((at, key) => (isObject(at) ? at[String(key)] : undefined), value);
  return [`${nameOf(issue.path) || "the configuration"}: found ${shown(found)}, expected ${expectedBy(issue)}`];
}

/** Of a value that may be one of several kinds, the fault inside the kind that it nearly is; null where it is none. */
function innerIssue(issue: Issue): Issue | null {
  if (issue.code !== "invalid_union") return null;
  const inside = issue.errors.flat().filter(({ path }) => path.length > 0);
  const [first] = inside;
  return first === undefined ? null : { ...first, path: [...issue.path, ...first.path] };
}

function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int"
        ? "a whole number"
        : `${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`;
    case "too_small":
      return `${unitOf(issue.origin)}at least ${issue.minimum}`;
    case "too_big":
      return `${unitOf(issue.origin)}at most ${issue.maximum}`;
    case "invalid_value":
      return `one of ${issue.values.map(String).join(", ")}`;
    case "invalid_format":
      return issue.format === "regex" ? issue.message : `an ${issue.format} address`;
    default:
      return issue.message;
  }
}

const unitOf = (origin: string) => (origin === "array" ? "entries, " : origin === "string" ? "characters, " : "");

/** What may stand beside an unknown field. */
function fieldsAt(path: readonly PropertyKey[]): string {
  let schema: unknown = InfraConfig;
  for (const key of path) schema = typeof key === "number" ? elementOf(schema) : shapeOf(schema)?.[String(key)];
  const shape = shapeOf(schema);
  return shape === undefined
    ? ""
    : `, expected one of ${Object.keys(shape)
        .filter((key) => key !== "$schema")
        .join(", ")}`;
}

/** The fields of an object's schema, behind its default. */
function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  const def = isObject(schema) && isObject(schema.def) ? schema.def : {};
  if (isObject(def.shape)) return def.shape;
  return def.innerType === undefined ? undefined : shapeOf(def.innerType);
}

function elementOf(schema: unknown): unknown {
  const def = isObject(schema) && isObject(schema.def) ? schema.def : {};
  if (def.element !== undefined) return def.element;
  if (Array.isArray(def.options)) return def.options.map(elementOf).find((one) => one !== undefined);
  return def.innerType === undefined ? undefined : elementOf(def.innerType);
}

function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function isFieldOf(value: unknown, field: string): boolean {
  return isObject(value) && field in value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
