import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { printable } from "#src/core/printable.js";
import { resultLines } from "#src/operate/results.js";
import { folderStore } from "#src/storage/folder-store.js";
import { caseNameOf } from "./case-name.js";

/** What a folder of results has of one upload, by the upload's name without ending. */
export interface ResultCase {
  readonly name: string;
  /** Folder of the result. */
  readonly folder: string;
  /** What is said when it is asked for: the upload has several results, and which is meant is not known. */
  readonly clash?: string;
}

/**
 * What was published in a folder of results (`scanlane run --out`), sorted by name; null for a folder that is none.
 * Of what is de-identified no name is known, and it is left out.
 *
 * @param model those of this model alone
 */
export async function resultCases(path: string, model?: string): Promise<readonly ResultCase[] | null> {
  const root = resolve(path);
  const isThere = await stat(join(root, "index.jsonl")).then(
    (info) => info.isFile(),
    () => false,
  );
  if (!isThere) return null;
  const found = new Map<string, { source: string; models: string[]; folders: Set<string> }>();
  for await (const line of resultLines(folderStore(root), { status: "published" })) {
    if (line.resultKey === null || line.source === "") continue;
    if (model !== undefined && line.model !== model) continue;
    const name = caseNameOf(line.source);
    const one = found.get(name) ?? { source: line.source, models: [], folders: new Set() };
    one.models.push(line.model ?? "unknown");
    one.folders.add(join(root, dirname(line.resultKey)));
    found.set(name, one);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => caseOf(name, one));
}

function caseOf(
  name: string,
  {
    source,
    models,
    folders,
  }: { readonly source: string; readonly models: readonly string[]; readonly folders: Set<string> },
): ResultCase {
  const [folder = ""] = folders;
  if (folders.size === 1) return { name, folder };
  const names = [...new Set(models)];
  const found = `results hold ${folders.size} of ${printable(source)}`;
  const clash =
    names.length > 1
      ? `${found}, by ${names.join(" and ")}, expected one: say which by --model`
      : `${found} (several images, or uploads of one name), expected one: name files by --labels-to of \`scanlane run\``;
  return { name, folder, clash };
}
