import { mkdir, mkdtemp, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { CompletenessRules } from "#src/intake/completeness.js";
import { type WatchedUpload, watchFolder } from "#src/local/watch.js";
import { STABLE_SECONDS } from "#src/local/watched-entries.js";
import type { DicomElements } from "../../support/dicom-builder.js";
import { phantomSeries } from "../../support/phantom-series.js";

interface Taken extends WatchedUpload {
  /** Seconds after the start. */
  readonly after: number;
}

/**
 * Watches a folder while something is done to it.
 *
 * @param work what is done with an upload before the next one is asked for
 * @param own what lies in the folder and is not taken
 */
async function watching(
  rules: CompletenessRules,
  act: (folder: string, taking: (count: number) => Promise<void>) => Promise<void>,
  work: (upload: WatchedUpload, folder: string) => Promise<void> = async () => {},
  own: readonly string[] = [],
): Promise<{ taken: Taken[]; of: (name: string) => Taken | undefined }> {
  const folder = await mkdtemp(join(tmpdir(), "watch-"));
  const stop = new AbortController();
  const started = performance.now();
  const taken: Taken[] = [];
  const watch = (async () => {
    const paths = own.map((name) => join(folder, name));
    for await (const upload of watchFolder(folder, rules, stop.signal, paths)) {
      taken.push({ ...upload, after: (performance.now() - started) / 1000 });
      await work(upload, folder);
    }
  })();
  const acted = act(folder, async (count) => {
    while (taken.length < count && !stop.signal.aborted) await sleep(50);
  });
  // A watch that fails ends the wait too.
  await Promise.race([acted, watch]).finally(() => stop.abort());
  await Promise.all([acted, watch]);
  return { taken, of: (name) => taken.find((upload) => upload.name === name) };
}

/** Bytes of an upload's files. */
const bytesOf = async ({ root, files }: WatchedUpload): Promise<string[]> =>
  Promise.all(files.map((file) => readFile(join(root, file), "latin1")));

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

  it("looks again before it gives what was complete while an earlier upload was worked on", async () => {
    const slices = inOrder(phantomSeries({ size: [6, 5, 2], seriesUid: "1.2.3" }));
    const [first, second] = slices.map(({ bytes }) => bytes);
    const given: [string, string[]][] = [];
    const work = async (upload: WatchedUpload, folder: string) => {
      given.push([upload.name, await bytesOf(upload)]);
      if (upload.name !== "a.nii") return;
      // While this one runs, others are half written.
      await writeFile(join(folder, "b", "two"), "ha");
      await writeFile(join(folder, "c.nii"), "ha");
      await writeFile(join(folder, "slice-1"), second ?? "");
    };
    await watching(
      { quietSeconds: 2, maxWaitSeconds: 60 },
      async (folder, taking) => {
        await mkdir(join(folder, "b"));
        for (const name of ["a.nii", "b/one", "c.nii"]) await writeFile(join(folder, name), "whole");
        // Last, or a look between the two could find it quiet before a.nii, and take it alone.
        await writeFile(join(folder, "slice-0"), first ?? "");
        await taking(1);
        await sleep(1000);
        for (const name of ["b/two", "c.nii"]) await writeFile(join(folder, name), "half");
        await taking(4);
      },
      work,
    );
    expect(given.map(([name]) => name).sort()).toEqual(["a.nii", "b", "c.nii", "slice-0 and 1 more"]);
    const of = (name: string) => given.find(([one]) => one === name)?.[1];
    expect(of("b")).toEqual(["whole", "half"]);
    expect(of("c.nii")).toEqual(["half"]);
  }, 20_000);

  it("lets no name that changes all the time keep others from being taken", async () => {
    const slices = phantomSeries({ size: [6, 5, 1], seriesUid: "1.2.3" });
    const { taken } = await watching(
      { quietSeconds: 2, maxWaitSeconds: 60 },
      async (folder, taking) => {
        await writeFile(join(folder, "z"), slices[0]?.bytes ?? "");
        for (const name of ["c", "a", "b"]) await writeFile(join(folder, name), "1");
        await taking(4);
      },
      async ({ name }, folder) => {
        if (name === "a" || name === "b") await writeFile(join(folder, name), String(performance.now()));
        await sleep(STABLE_SECONDS * 1000 + 100);
      },
    );
    expect(taken.slice(0, 4).map(({ name }) => name)).toEqual(expect.arrayContaining(["c", "z"]));
  }, 30_000);

  it("goes on where a folder holds no file yet, and takes it once it does", async () => {
    const { taken } = await watching({ quietSeconds: 2, maxWaitSeconds: 60 }, async (folder, taking) => {
      for (const sub of ["deep/er", "hidden", "said"]) await mkdir(join(folder, sub), { recursive: true });
      await writeFile(join(folder, "hidden", ".DS_Store"), "x");
      await writeFile(join(folder, "said", "scan.json"), "{}");
      await writeFile(join(folder, "z.nii"), "x");
      await taking(1);
      await writeFile(join(folder, "deep", "er", "1"), "x");
      await taking(2);
    });
    expect(taken.map(({ name, files }) => [name, files])).toEqual([
      ["z.nii", ["z.nii"]],
      ["deep", ["er/1"]],
    ]);
  }, 20_000);

  it("gives folders whose links cannot be followed as refused once they were waited for, and others meanwhile", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
    await writeFile(join(elsewhere, "of-others"), "x");
    const { taken, of } = await watching({ quietSeconds: 2, maxWaitSeconds: 4 }, async (folder, taking) => {
      for (const sub of ["back", "out", "lost", "late", "only", "twice/series"]) {
        await mkdir(join(folder, sub), { recursive: true });
        if (sub !== "only") await writeFile(join(folder, sub, "1"), "x");
      }
      // Each link back doubles what lies below it.
      for (const name of ["a", "b"]) await symlink(folder, join(folder, "back", name));
      await symlink(folder, join(folder, "only", "back"));
      await symlink(elsewhere, join(folder, "out", "link"));
      for (const sub of ["lost", "late"]) await symlink(join(folder, sub, "2"), join(folder, sub, "link"));
      await symlink("series", join(folder, "twice", "latest"));
      await sleep(1000);
      await writeFile(join(folder, "late", "2"), "x");
      await taking(6);
    });
    const refused = (name: string) => of(name)?.judged?.refused;
    const round = { code: "InputUnsafe", message: "folder holds a link to a folder that it lies in, expected none" };
    expect([refused("back"), refused("only"), refused("out"), refused("lost")]).toEqual([
      round,
      round,
      { code: "InputUnsafe", message: "folder holds a link to a folder outside, expected none" },
      { code: "InputUnreadable", message: "folder holds a link that leads nowhere, expected files to be there" },
    ]);
    expect(of("back")?.after).toBeGreaterThanOrEqual(4);
    expect(of("late")).toMatchObject({ files: ["1", "2"], judged: { completeness: { evidence: "quiet-period" } } });
    expect(of("twice")).toMatchObject({ files: ["series/1"], judged: { completeness: { evidence: "quiet-period" } } });
    expect(taken).toHaveLength(6);
  }, 20_000);

  it("waits while a hidden file of a folder is written", async () => {
    const { of } = await watching({ quietSeconds: 2, maxWaitSeconds: 60 }, async (folder, taking) => {
      await mkdir(join(folder, "sub"));
      for (const name of ["1", ".2.part"]) await writeFile(join(folder, "sub", name), "x");
      await sleep(1500);
      await writeFile(join(folder, "sub", ".2.part"), "xx");
      await taking(1);
    });
    expect(of("sub")?.after).toBeGreaterThanOrEqual(1.5 + STABLE_SECONDS);
    expect(of("sub")?.files).toEqual(["1"]);
  }, 20_000);

  it("never takes what is written by whoever watches", async () => {
    const own = ["out", "sub/out"];
    const { taken } = await watching(
      { quietSeconds: 2, maxWaitSeconds: 60 },
      async (folder, taking) => {
        await mkdir(join(folder, "sub"));
        for (const name of ["a.nii", "sub/b"]) await writeFile(join(folder, name), "x");
        await taking(2);
        await sleep(3000);
      },
      async ({ name }, folder) => {
        for (const out of own) {
          await mkdir(join(folder, out), { recursive: true });
          await writeFile(join(folder, out, `of-${name}`), "x");
        }
      },
      own,
    );
    expect(taken.map(({ name, files }) => [name, files])).toEqual([
      ["a.nii", ["a.nii"]],
      ["sub", ["b"]],
    ]);
  }, 20_000);

  it("refuses a folder that is written to by whoever watches", async () => {
    const watched = watching({ quietSeconds: 2, maxWaitSeconds: 60 }, (_, taking) => taking(1), undefined, ["."]);
    await expect(watched).rejects.toMatchObject({ code: "InputMismatch" });
  });
});
