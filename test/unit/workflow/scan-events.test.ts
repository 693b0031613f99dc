import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { IndexRecord } from "#src/workflow/contract.js";
import { DETAIL_TYPES, type EndedExecution, eventsOf, ScanEvent } from "#src/workflow/scan-events.js";

const scanId = `s-${"a".repeat(40)}`;
const old = `s-${"b".repeat(40)}`;
const ended: EndedExecution = {
  arn: "arn:aws:states:eu-west-1:123456789012:execution:scans:x",
  name: `${scanId}-a2`,
  status: "FAILED",
  endedAt: new Date("2026-01-02T03:04:05Z"),
  scanId,
  attempt: 2,
};

function line(change: Partial<IndexRecord>): IndexRecord {
  const empty = { source: "Doe.zip", model: null, volumesMl: {}, code: null, resultKey: null };
  return { schemaVersion: 1, scanId, attempt: 2, subject: "t0", status: "published", ...empty, ...change };
}

const completeness = { evidence: "quiet-period", instances: 3, supersedes: old } as const;
const records = [
  line({ attempt: 1, status: "quarantined", code: "SeriesGap" }),
  line({ resultKey: "r-1/result.json", completeness }),
  line({ subject: "t1", status: "quarantined", code: "StoreBusy", completeness }),
];

describe("eventsOf", () => {
  const events = eventsOf(ended, records);

  it("tells of the attempt that ended and of no other, and fits the schema", () => {
    expect(events.map((event) => ScanEvent.parse(event))).toEqual(events);
    expect(events).toMatchObject([
      { event: "quarantined", items: [{ subject: "t1", code: "StoreBusy", retryable: true }] },
      { event: "superseded", scanId: old, supersededBy: scanId },
      { event: "ended", status: "FAILED", published: [{ subject: "t0" }], quarantined: 1 },
    ]);
    expect(JSON.stringify(events)).not.toContain("Doe");
  });

  it("leaves the older version in its place while nothing of the later one is published", () => {
    const none = eventsOf(ended, records.slice(2));
    expect(none.map(({ event }) => event)).toEqual(["quarantined", "ended"]);
  });

  it("is the same for the same end, and has other ids for another end of the same execution", () => {
    const ids = (change: Partial<EndedExecution>) =>
      eventsOf({ ...ended, ...change }, records).map(({ eventId }) => eventId);
    expect(ids({})).toEqual(ids({}));
    for (const other of [{ endedAt: new Date(0) }, { arn: "arn:other" }]) {
      expect(ids(other).filter((id) => ids({}).includes(id))).toEqual([]);
    }
    expect(new Set(ids({})).size).toBe(3);
  });
});

describe("docs/events.md", () => {
  const page = readFileSync(new URL("../../../docs/events.md", import.meta.url), "utf8");

  it("has an example of each event, which its schema takes", () => {
    const examples = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = ""]) => JSON.parse(text));
    const parsed = examples.map((example) => ScanEvent.parse(example));
    expect(parsed.map(({ event }) => event).sort()).toEqual(Object.keys(DETAIL_TYPES).sort());
    for (const type of Object.values(DETAIL_TYPES)) expect(page).toContain(`\`${type}\``);
  });

  it("names every field", () => {
    for (const { shape } of ScanEvent.options) {
      for (const field of Object.keys(shape)) expect(page, field).toContain(`\`${field}\``);
    }
  });
});
