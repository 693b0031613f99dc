import { mkdir, mkdtemp, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { CompletenessRules } from "#src/intake/completeness.js";
import { STABLE_SECONDS, type WatchedUpload, watchFolder } from "#src/local/watch.js";
import type { DicomElements } from "../../support/dicom-builder.js";
import { phantomSeries } from "../../support/phantom-series.js";

interface Taken extends WatchedUpload {
  /** Seconds after the start. */
  readonly after: number;
}

/** Watches a folder while something is done to it. */
async function watching(
  rules: CompletenessRules,
  act: (folder: string, taking: (count: number) => Promise<void>) => Promise<void>,
): Promise<{ taken: Taken[]; of: (name: string) => Taken | undefined }> {
  const folder = await mkdtemp(join(tmpdir(), "watch-"));
  const stop = new AbortController();
  const started = performance.now();
  const taken: Taken[] = [];
  const watch = (async () => {
    for await (const upload of watchFolder(folder, rules, stop.signal)) {
      taken.push({ ...upload, after: (performance.now() - started) / 1000 });
    }
  })();
  await act(folder, async (count) => {
    while (taken.length < count) await sleep(50);
  });
  stop.abort();
  await watch;
  return { taken, of: (name) => taken.find((upload) => upload.name === name) };
}

const inOrder = (files: ReturnType<typeof phantomSeries>) =>
  files.toSorted((a, b) => Number(a.name.slice(1)) - Number(b.name.slice(1)));

describe.concurrent("watchFolder", () => {
  it("takes an upload once it stopped changing, and never an unfinished one", async () => {
    const { taken, of } = await watching({ quietSeconds: 2, maxWaitSeconds: 60 }, async (folder) => {
      await writeFile(join(folder, "a.zip.partial"), "half");
      await writeFile(join(folder, "b.tmp"), "half");
      await writeFile(join(folder, ".hidden"), "x");
      await writeFile(join(folder, "scan.json"), "{}");
      await writeFile(join(folder, "growing.nii"), "1");
      await mkdir(join(folder, "series"));
      await writeFile(join(folder, "series", "1.dcm"), "x");
      await sleep(1200);
      await writeFile(join(folder, "growing.nii"), "12");
      await rename(join(folder, "a.zip.partial"), join(folder, "a.zip"));
      await sleep(3000);
    });
    expect(taken.map(({ name }) => name).sort()).toEqual(["a.zip", "growing.nii", "series"]);
    expect(of("growing.nii")?.after).toBeGreaterThanOrEqual(1.2 + STABLE_SECONDS);
  });

  it("takes loose files by their series, at once when the headers say that all are there, and late ones again", async () => {
    const edit = (elements: DicomElements) => {
      elements["00201209"] = { vr: "IS", Value: ["3"] };
    };
    const counted = inOrder(phantomSeries({ size: [6, 5, 3], seriesUid: "1.2.3", edit }));
    const other = inOrder(phantomSeries({ size: [6, 5, 2], seriesUid: "1.2.4" }));
    const { taken } = await watching({ quietSeconds: 3, maxWaitSeconds: 60 }, async (folder, taking) => {
      for (const { name, bytes } of counted) await writeFile(join(folder, `counted-${name}`), bytes);
      await writeFile(join(folder, "other-0"), other[0]?.bytes ?? "");
      await taking(2);
      await writeFile(join(folder, "other-1"), other[1]?.bytes ?? "");
      await taking(3);
    });
    const counts = taken.map(({ files, judged }) => [files.length, judged?.completeness?.evidence]);
    expect(counts).toEqual([
      [3, "header-count"],
      [1, "quiet-period"],
      [2, "quiet-period"],
    ]);
    expect(taken[0]?.after).toBeLessThan(taken[1]?.after ?? 0);
    expect(taken[0]?.name).toBe("counted-a0 and 2 more");
  }, 20_000);

  it("waits for a slice that a gap shows missing and for files that scan.json promises, then gives up by name", async () => {
    const slices = inOrder(phantomSeries({ size: [6, 5, 5] }));
    const { of } = await watching({ quietSeconds: 2, maxWaitSeconds: 5 }, async (folder) => {
      for (const sub of ["gap", "filled", "promise", "closed"]) await mkdir(join(folder, sub));
      await writeFile(join(folder, "promise", "scan.json"), '{"count":6}');
      await writeFile(join(folder, "closed", "scan.complete"), "");
      for (const [n, { name, bytes }] of slices.entries()) {
        if (n !== 2) for (const sub of ["gap", "filled"]) await writeFile(join(folder, sub, name), bytes);
        for (const sub of ["promise", "closed"]) await writeFile(join(folder, sub, name), bytes);
      }
      await sleep(3500);
      await writeFile(join(folder, "filled", "late"), slices[2]?.bytes ?? "");
      await sleep(3500);
    });
    expect(of("gap")?.judged?.refused?.message).toBe("series has a gap in 3 steps: 6.00 mm found, 3.00 mm expected");
    expect(of("promise")?.judged?.refused?.message).toBe("folder holds 5 of the 6 files that its scan.json promises");
    expect(of("gap")?.after).toBeGreaterThanOrEqual(5);
    const evidence = ["filled", "closed"].map((name) => of(name)?.judged?.completeness);
    expect(evidence).toEqual([
      { evidence: "quiet-period", instances: 5, supersedes: null },
      { evidence: "closing-marker", instances: 5, supersedes: null },
    ]);
    expect(of("filled")?.after).toBeGreaterThanOrEqual(3.5 + STABLE_SECONDS);
    expect(of("closed")?.files).not.toContain("scan.complete");
  }, 20_000);
});
