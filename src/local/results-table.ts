import { csvCell } from "#src/core/csv-cell.js";
import { resultLines } from "#src/operate/results.js";
import { resultKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import type { IndexRecord } from "#src/workflow/contract.js";

/**
 * Writes `index.jsonl` and `results.csv` from the records, whole. Of several commands that write them at once the last one
 * may have read fewer records than another: each looks again when it has written.
 */
export async function writeResultsTable(results: ScanStore): Promise<void> {
  let listed: string | null = null;
  for (let now = await listing(results); now !== listed; now = await listing(results)) {
    listed = now;
    await writeTables(results);
  }
}

async function listing(results: ScanStore): Promise<string> {
  const lines: string[] = [];
  for await (const { key, size } of results.list(resultKeys.indexOf())) lines.push(`${key} ${size}\n`);
  return lines.join("");
}

async function writeTables(results: ScanStore): Promise<void> {
  const records: IndexRecord[] = [];
  for await (const record of resultLines(results, { allAttempts: true })) records.push(record);
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  await results.put("index.jsonl", new TextEncoder().encode(lines), { contentType: "application/jsonl" });
  await results.put("results.csv", new TextEncoder().encode(csv(records)), { contentType: "text/csv" });
}

/** One row a structure, so that every table program can pivot it; a scan set aside has one row. */
function csv(records: readonly IndexRecord[]): string {
  const head = ["source", "scan", "attempt", "subject", "status", "code", "model", "structure", "volume_ml", "result"];
  const rows = records.flatMap((record) => {
    const { source, scanId, attempt, subject, status, code, model, resultKey } = record;
    const structures: [string, number | string][] = Object.entries(record.volumesMl);
    if (structures.length === 0) structures.push(["", ""]);
    return structures.map(([name, ml]) => [source, scanId, attempt, subject, status, code, model, name, ml, resultKey]);
  });
  return [head, ...rows].map((row) => `${row.map((cell) => csvCell(String(cell ?? ""))).join(",")}\r\n`).join("");
}
