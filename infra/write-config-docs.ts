import { readFileSync, writeFileSync } from "node:fs";
import { configSchemaText, withConfigTable } from "./config-fields.js";

// Writes what follows from the schema of the configuration: the JSON Schema for editors and the table of docs/deploy.md.

const at = (path: string) => new URL(`../${path}`, import.meta.url);

writeFileSync(at("infra/scanlane.config.schema.json"), configSchemaText());
writeFileSync(at("docs/deploy.md"), withConfigTable(readFileSync(at("docs/deploy.md"), "utf8")));
