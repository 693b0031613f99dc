import { describe, expect, it } from "vitest";
import { writeResultsTable } from "#src/local/results-table.js";
import { writeDocument } from "#src/stages/documents.js";
import { resultKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import type { IndexRecord } from "#src/workflow/contract.js";

const scanId = `s-${"0".repeat(40)}`;

/** The cell of the source in the table of one run. */
async function cellOf(source: string): Promise<string> {
  const store = memoryStore();
  const record: IndexRecord = {
    schemaVersion: 1,
    scanId,
    attempt: 1,
    subject: "scan",
    source,
    status: "quarantined",
    code: "NoImage",
    model: null,
    volumesMl: {},
    resultKey: null,
  };
  await writeDocument(store, resultKeys.index(scanId, 1, "scan"), record);
  await writeResultsTable(store);
  const text = new TextDecoder().decode(await store.get("results.csv"));
  return text.slice(text.indexOf("\r\n") + 2, text.indexOf(`,${scanId}`));
}

describe("results.csv", () => {
  it.each(["=1+2", "+cmd", "@SUM(A1)", "-1+cmd|' /C calc'!A0", "-x", " =1", "\u0001=1", "＝1"])(
    "holds no formula: %j",
    async (name) => {
      expect(await cellOf(name)).toBe(`'${name}`);
    },
  );

  it.each(["head.zip", "-12.5", "-3e-7", "7", "a=b"])("leaves alone what is none: %s", async (name) => {
    expect(await cellOf(name)).toBe(name);
  });

  it("keeps line breaks and quotes of a name inside of its cell", async () => {
    expect(await cellOf('a"b\n=1')).toBe('"a""b\n=1"');
    expect(await cellOf("\t=1,2")).toBe(`"'\t=1,2"`);
  });
});
