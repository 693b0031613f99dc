import { describe, expect, it } from "vitest";
import { type FolderFacts, type JudgedInstance, judgeSeries } from "#src/intake/completeness.js";

const RULES = { quietSeconds: 60, maxWaitSeconds: 600 };
const NO_FOLDER: FolderFacts = { promised: null, isClosed: false, files: 0, known: 0 };
const AT = { now: 10_000, lastSeen: 10_000, isLate: false };

/** A slice at so many millimetres, saying how many there are in its scope. */
const slice = (mm: number, declared: JudgedInstance["declared"] = null): JudgedInstance => ({
  place: {
    positionLps: [0, 0, mm],
    orientationLps: [1, 0, 0, 0, 1, 0],
    thicknessMm: 1,
    declaredStepMm: null,
    number: null,
    contrast: {},
  },
  declared,
});
const three = [0, 1, 2].map((mm) => slice(mm));
const judge = (instances: readonly JudgedInstance[], folder: Partial<FolderFacts> = {}, at: Partial<typeof AT> = {}) =>
  judgeSeries(instances, { ...NO_FOLDER, ...folder }, RULES, { ...AT, ...at });

describe("judgeSeries", () => {
  it("waits for the quiet period from the last instance where nothing says more", () => {
    expect(judge(three)).toEqual({ kind: "wait", until: 70_000, outcome: "complete" });
    expect(judge(three, {}, { now: 69_999 })).toMatchObject({ kind: "wait" });
    expect(judge(three, {}, { now: 70_000 })).toEqual({ kind: "complete", evidence: "quiet-period" });
  });

  it("names the strongest evidence there is", () => {
    const declared = three.map(({ place }) => ({ place, declared: { scope: "series", count: 3 } }));
    expect(judge(declared)).toEqual({ kind: "complete", evidence: "header-count" });
    expect(judge(declared, { isClosed: true })).toEqual({ kind: "complete", evidence: "closing-marker" });
    const folder = { isClosed: true, promised: 3, files: 3, known: 3 };
    expect(judge(declared, folder)).toEqual({ kind: "complete", evidence: "manifest-count" });
  });

  it("takes a header's count for its own scope: every scope must be full, and every instance must say one", () => {
    const scoped = (scope: string, count: number, from: number, to: number) =>
      [0, 1, 2, 3].slice(from, to).map((mm) => slice(mm, { scope, count }));
    const first = scoped("concatenation 1", 2, 0, 2);
    expect(judge([...first, ...scoped("concatenation 2", 2, 2, 4)])).toMatchObject({ kind: "complete" });
    expect(judge([...first, ...scoped("concatenation 2", 2, 2, 3)])).toMatchObject({ kind: "wait" });
    expect(judge([...first, slice(2)])).toMatchObject({ kind: "wait" });
    // A header that says more than there is does not keep the series for ever.
    expect(judge(scoped("series", 9, 0, 3), {}, { now: 70_000 })).toMatchObject({ evidence: "quiet-period" });
  });

  it("does not take a folder for closed before all of its files are known", () => {
    expect(judge(three, { isClosed: true, files: 4, known: 3 })).toMatchObject({ kind: "wait", until: 70_000 });
    expect(judge(three, { isClosed: true, files: 4, known: 4 })).toMatchObject({ evidence: "closing-marker" });
  });

  it("holds a promise against everything else, up to the maximum", () => {
    const folder = { promised: 4, isClosed: true, files: 3, known: 3 };
    const declared = three.map(({ place }) => ({ place, declared: { scope: "series", count: 3 } }));
    expect(judge(declared, folder)).toEqual({ kind: "wait", until: 610_000, outcome: "incomplete" });
    expect(judge(declared, folder, { now: 610_000 })).toEqual({
      kind: "incomplete",
      reason: "folder holds 3 of the 4 files that its scan.json promises",
    });
  });

  it("holds a gap against everything else, up to the maximum", () => {
    const gapped = [0, 1, 3, 4].map((mm) => slice(mm, { scope: "series", count: 4 }));
    expect(judge(gapped)).toMatchObject({ kind: "wait", until: 610_000, outcome: "incomplete" });
    expect(judge(gapped, {}, { now: 610_000 })).toMatchObject({ kind: "incomplete" });
  });

  it("gathers what is late for a quiet period, whatever the evidence", () => {
    const folder = { promised: 3, files: 3, known: 3 };
    expect(judge(three, folder, { isLate: true })).toMatchObject({ kind: "wait", until: 70_000 });
    expect(judge(three, folder, { isLate: true, now: 70_000 })).toMatchObject({ evidence: "manifest-count" });
  });
});
