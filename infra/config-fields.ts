import { z } from "zod";
import { InfraConfig } from "./config.js";

/** One field of the configuration file, as its schema has it. */
export interface ConfigField {
  /** Its name with those of its groups, `[]` for each entry of a list: `uploads.prefixes[].prefix`. */
  readonly path: string;
  readonly description: string;
  /** As JSON; null where there is none. */
  readonly default: string | null;
}

/** What is read of a node of a JSON Schema. */
interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/** The schema of the file for editors, as JSON Schema (draft 7, which all of them know). */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(InfraConfig, { io: "input", target: "draft-7" });
  return { title: "Configuration of a scanlane deployment", ...schema };
}

/** Every field of the file that is no group of others, in the order of the schema. */
export function configFields(): ConfigField[] {
  return fieldsOf("", configJsonSchema());
}

function fieldsOf(path: string, node: Node): ConfigField[] {
  if (node.properties !== undefined) return fieldsBelow(path, node.properties);
  const entries = entriesOf(node);
  const own: ConfigField = {
    path,
    description: node.description ?? "",
    default: node.default === undefined ? null : JSON.stringify(node.default),
  };
  return [own, ...(entries === undefined ? [] : fieldsBelow(`${path}[]`, entries))];
}

function fieldsBelow(path: string, properties: Readonly<Record<string, Node>>): ConfigField[] {
  return Object.entries(properties)
    .filter(([name]) => name !== "$schema")
    .flatMap(([name, node]) => fieldsOf(path === "" ? name : `${path}.${name}`, node));
}

/** The fields of each entry of a list of objects. */
function entriesOf(node: Node): Readonly<Record<string, Node>> | undefined {
  return [node, ...(node.anyOf ?? [])].map(({ items }) => items?.properties).find((one) => one !== undefined);
}

/** All fields as a table in Markdown. */
export function configTable(): string {
  const rows = configFields().map(({ path, description, default: value }) => {
    const shown = value === null || value === "null" ? "none" : `\`${value.replaceAll(",", ", ")}\``;
    return `| \`${path}\` | ${shown} | ${description} |`;
  });
  return ["| Field | Default | |", "| --- | --- | --- |", ...rows].join("\n");
}

/** Where the table stands in a page. */
const MARKS = ["<!-- fields: begin, written by infra/write-config-docs.ts -->", "<!-- fields: end -->"] as const;

/** A page with the table of now in place of the one that it has. @throws {RangeError} for a page without the marks */
export function withConfigTable(page: string): string {
  const [begin, end] = MARKS.map((mark) => page.indexOf(mark));
  if (begin === undefined || end === undefined || begin < 0 || end < begin) {
    throw new RangeError(`page needs the marks ${MARKS.join(" and ")}`);
  }
  return `${page.slice(0, begin + MARKS[0].length)}\n${configTable()}\n${page.slice(end)}`;
}

/** The JSON Schema as the file that is committed. */
export function configSchemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
