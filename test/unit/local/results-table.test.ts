import { describe, expect, it } from "vitest";
import { writeResultsTable } from "#src/local/results-table.js";
import { writeDocument } from "#src/stages/documents.js";
import { resultKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import type { IndexRecord } from "#src/workflow/contract.js";

const scanId = `s-${"0".repeat(40)}`;

/** Adds the record of a run to those that the table is made of. */
async function addRecord(store: ScanStore, source: string, attempt = 1): Promise<void> {
  const record: IndexRecord = {
    schemaVersion: 1,
    scanId,
    attempt,
    subject: "scan",
    source,
    status: "quarantined",
    code: "NoImage",
    model: null,
    volumesMl: {},
    resultKey: null,
  };
  await writeDocument(store, resultKeys.index(scanId, attempt, "scan"), record);
}

/** The cell of the source in the table of one run. */
async function cellOf(source: string): Promise<string> {
  const store = memoryStore();
  await addRecord(store, source);
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

describe("writeResultsTable", () => {
  it.each(["index.jsonl", "results.csv"])("has every run where another command wrote %s meanwhile", async (held) => {
    const store = memoryStore();
    await addRecord(store, "a.zip");
    const [reached, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow: ScanStore = {
      ...store,
      put: async (key, ...rest) => {
        if (key === held) {
          reached.resolve();
          await other.promise;
        }
        return store.put(key, ...rest);
      },
    };
    const first = writeResultsTable(slow);
    await reached.promise;
    await addRecord(store, "b.zip", 2);
    await writeResultsTable(store);
    other.resolve();
    await first;
    for (const key of ["index.jsonl", "results.csv"]) {
      expect(new TextDecoder().decode(await store.get(key))).toMatch(/a\.zip[\s\S]*b\.zip/);
    }
  });

  it("is a table without a row where there is no run any more", async () => {
    const store = memoryStore();
    await writeResultsTable(store);
    expect(new TextDecoder().decode(await store.get("results.csv"))).toMatch(/^source,[^\n]*\r\n$/);
  });
});
