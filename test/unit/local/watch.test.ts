import { mkdir, mkdtemp, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { STABLE_SECONDS, watchFolder } from "#src/local/watch.js";

describe("watchFolder", () => {
  it("takes an upload once it stopped changing, and never an unfinished one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "watch-"));
    await writeFile(join(folder, "a.zip.partial"), "half");
    await writeFile(join(folder, "b.tmp"), "half");
    await writeFile(join(folder, ".hidden"), "x");
    await writeFile(join(folder, "growing.nii"), "1");
    await mkdir(join(folder, "series"));
    await writeFile(join(folder, "series", "1.dcm"), "x");

    const stop = new AbortController();
    const started = performance.now();
    const taken: { name: string; after: number }[] = [];
    const watching = (async () => {
      for await (const path of watchFolder(folder, stop.signal)) {
        taken.push({ name: basename(path), after: (performance.now() - started) / 1000 });
      }
    })();
    await sleep(1200);
    await writeFile(join(folder, "growing.nii"), "12");
    await rename(join(folder, "a.zip.partial"), join(folder, "a.zip"));
    await sleep(3000);
    stop.abort();
    await watching;

    expect(taken.map(({ name }) => name).sort()).toEqual(["a.zip", "growing.nii", "series"]);
    const grew = taken.find(({ name }) => name === "growing.nii");
    expect(grew?.after).toBeGreaterThanOrEqual(1.2 + STABLE_SECONDS);
  });
});
