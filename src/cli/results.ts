import { executionName } from "#src/core/ids.js";
import { printable } from "#src/core/printable.js";
import { countHeld } from "#src/operate/held.js";
import { resultLines } from "#src/operate/results.js";
import type { IndexRecord } from "#src/workflow/contract.js";
import { inPlace, openResults, type PlaceFlags } from "./operator-flags.js";
import { table } from "./table.js";

export interface ResultsFlags extends PlaceFlags {
  readonly source?: string;
  readonly status?: "published" | "set-aside";
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `scanlane results`: the table of everything that ran, a line an image. @returns the exit code */
export async function results(flags: ResultsFlags): Promise<number> {
  return inPlace(flags, async () => {
    const store = await openResults(flags);
    const asked = {
      ...(flags.source === undefined ? {} : { source: flags.source }),
      ...(flags.status === undefined ? {} : { status: STATUS[flags.status] }),
      allAttempts: flags.all === true,
    };
    const rows: string[][] = [];
    for await (const line of resultLines(store, asked)) {
      // One document a line as it comes: a bucket may hold a great many.
      if (flags.json) console.log(JSON.stringify(line));
      else rows.push(rowOf(line));
    }
    if (flags.json) return 0;
    if (rows.length > 0) console.log(table(["source", "scan", "image", "outcome", "model", "mL", "result"], rows));
    const held = await countHeld(store);
    console.log(`${rows.length} images${held === 0 ? "" : `; ${held} scans held: scanlane held list`}`);
    return 0;
  });
}

const STATUS = { published: "published", "set-aside": "quarantined" } as const;

function rowOf({ source, scanId, attempt, subject, status, code, model, volumesMl, resultKey }: IndexRecord): string[] {
  const volumes = Object.entries(volumesMl).map(([name, ml]) => `${name} ${ml}`);
  return [
    printable(source),
    executionName(scanId, attempt),
    subject,
    status === "published" ? "published" : (code ?? "set aside"),
    model ?? "-",
    volumes.join(", ") || "-",
    resultKey?.split("/")[0] ?? "-",
  ];
}
