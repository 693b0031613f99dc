import type { ScanId } from "#src/core/ids.js";
import { readDocumentIfValid } from "#src/stages/documents.js";
import { resultKeys } from "#src/storage/keys.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { IndexRecord } from "#src/workflow/contract.js";

/** Whether this scan ran into this results store before, whatever came of it. */
export async function wasRun(scanId: ScanId, results: ScanStore): Promise<boolean> {
  for await (const _ of results.list(resultKeys.indexOf(scanId))) return true;
  return false;
}

async function indexRecords(results: ScanStore): Promise<IndexRecord[]> {
  const records: IndexRecord[] = [];
  for await (const { key } of results.list(resultKeys.indexOf())) {
    const record = await readDocumentIfValid(results, key, IndexRecord);
    if (record) records.push(record);
  }
  return records;
}

/** Writes `index.jsonl` and `results.csv` from the records, whole. */
export async function writeResultsTable(results: ScanStore): Promise<void> {
  const records = await indexRecords(results);
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

/** RFC 4180 quoting; a leading sign that a spreadsheet would take for a formula is defused, but for a plain number. */
function csvCell(text: string): string {
  const isFormula = /^[\s\p{C}]*[=+@＝＋＠－-]/u.test(text) && !/^-?\d+(\.\d+)?(e-?\d+)?$/.test(text);
  const safe = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
