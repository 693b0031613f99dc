import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ClassicalManifest } from "#src/model/classical-manifest.js";

type Scores = ClassicalManifest["scores"];

/**
 * Puts what was measured into a model's manifest and into the table of its card, the first one below a heading that
 * starts with "Score". The words of a card are written by hand, and so is the rest of the manifest.
 *
 * @param table lines of Markdown
 */
export async function writeScores(id: string, scores: Scores, table: readonly string[]): Promise<void> {
  await changeManifest(id, (manifest) => ({ ...manifest, scores }));
  const path = placeOf(id, "CARD.md");
  const card = await readFile(path, "utf8");
  const [before = "", head, rest] = card.split(/^(## Score.*\n)/m);
  if (head === undefined || rest === undefined) throw new Error(`the card of ${id} has no heading "Score"`);
  await writeFile(path, `${before}${head}${rest.replace(/(?:^\|.*\n)+/m, `${table.join("\n")}\n`)}`);
}

/** Writes the manifest of a model again, with rows of numbers on one line each. */
export async function changeManifest(
  id: string,
  change: (manifest: ClassicalManifest) => ClassicalManifest,
): Promise<void> {
  const path = placeOf(id, "manifest.json");
  // As it is written, not as the schema fills it up.
  const manifest = change(JSON.parse(await readFile(path, "utf8")));
  ClassicalManifest.parse(manifest);
  const text = JSON.stringify(manifest, null, 2).replaceAll(/\[\s+(-?[\d.,\s-]+?)\s+\]/g, (_, row: string) => {
    return `[${row.replaceAll(/\s+/g, " ")}]`;
  });
  await writeFile(path, `${text}\n`);
}

function placeOf(id: string, file: string): string {
  return fileURLToPath(new URL(`../../models/${id}/${file}`, import.meta.url));
}
