import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { memoryLedger } from "#src/intake/memory-ledger.js";
import { ledgerIds, type SeriesPlace } from "#src/intake/series-ledger.js";
import { deleteScan, planDeletion } from "#src/operate/delete-scan.js";
import type { Deployment } from "#src/operate/deployment.js";
import { deidKeys, resultKeys } from "#src/storage/keys.js";
import type { ErasableStore } from "#src/storage/scan-store.js";
import { OperatedScans, resultIdOf, scanIdOf } from "../../support/operated-scans.js";

const [scanId, other] = [scanIdOf(1), scanIdOf(2)];
const DONE = ["preprocess", "segment", "postprocess", "publish"] as const;
const place: SeriesPlace = { bucket: "uploads", folder: "ward 7/", series: "1.2.3" };

/** A scan of two attempts: one image published, one set aside. Result 3 is another scan's alone, 2 belongs to both. */
async function twoScans() {
  const scans = new OperatedScans();
  for (const id of [scanId, other]) await scans.takenIn(id);
  for (const attempt of [1, 2]) {
    await scans.task(scanId, attempt, "t0", resultIdOf(1), DONE);
    await scans.task(scanId, attempt, "t1", resultIdOf(4), ["preprocess"]);
    await scans.setAside(scanId, attempt, "t1", "ComputeLost");
  }
  await scans.published(scanId, 2, "t0", resultIdOf(1));
  await scans.published(scanId, 2, "t2", resultIdOf(2));
  await scans.task(other, 1, "t0", resultIdOf(3), DONE);
  await scans.published(other, 1, "t0", resultIdOf(3));
  await scans.published(other, 1, "t1", resultIdOf(2));
  return scans;
}

/** Two tasks; of the first there is a result under another secret too, of which publishing was broken off. */
async function deidentifiedTwice() {
  const scans = new OperatedScans();
  for (const id of [scanId, other]) await scans.takenIn(id);
  await scans.deidentified(scanId, "t0", resultIdOf(1), resultIdOf(5));
  await scans.deidentified(scanId, "t0", resultIdOf(1), resultIdOf(4));
  await scans.deidentified(other, "t0", resultIdOf(2), resultIdOf(6));
  await scans.stores.deid?.put(deidKeys.secret, new Uint8Array(64));
  return scans;
}

const remove = async (deployment: Deployment) => deleteScan(await planDeletion(scanId, deployment), deployment);

/** What of a scan and of its own results is there. */
const leftOf = (keys: readonly string[]) =>
  keys.filter((key) => [scanId, resultIdOf(1), resultIdOf(4), resultIdOf(5)].some((id) => key.includes(id)));

describe("deleting a scan", () => {
  it("leaves nothing of it, and all of every other", async () => {
    const scans = await twoScans();
    const before = await scans.keys();
    const plan = await planDeletion(scanId, scans.deployment());
    // Nothing yet: somebody may still say no.
    expect(await scans.keys()).toEqual(before);
    expect(plan).toMatchObject({ results: [resultIdOf(1), resultIdOf(4)], shared: [resultIdOf(2)], supersedes: null });
    const deleted = await deleteScan(plan, scans.deployment());
    expect(deleted).toEqual({ results: 2, work: 15, quarantine: 2, index: 4, held: 0, ledger: null, deid: 0 });
    const gone = leftOf(before);
    expect(gone).toHaveLength(2 + 15 + 2 + 4);
    expect(await scans.keys()).toEqual(before.filter((key) => !gone.includes(key)));
    expect(before).toContain(`results:${resultIdOf(2)}/result.json`);
    await expect(remove(scans.deployment())).rejects.toMatchObject({ code: "StoreMissing" });
  });

  it.each([
    ["published and set aside", twoScans, 23],
    ["de-identified", deidentifiedTwice, 19],
  ])("is finished by another one, wherever it broke off: %s", async (_, made, objects) => {
    for (let until = 0; ; until++) {
      const scans = await made();
      let left = until;
      const breaking = (store: ErasableStore): ErasableStore => ({
        ...store,
        async *erase(prefix) {
          for await (const key of store.erase(prefix)) {
            yield key;
            if (left-- === 0) throw new PipelineError("StoreBusy", "connection lost");
          }
        },
      });
      const { work, results, deid = null } = scans.stores;
      const broken = remove(
        scans.deployment({ work: breaking(work), results: breaking(results), deid: deid && breaking(deid) }),
      );
      const brokeOff = await broken.then(
        () => false,
        () => true,
      );
      // Its last object is the last line: whoever comes after that finds nothing more to do.
      const left1 = leftOf(await scans.keys());
      if (left1.length > 0) await remove(scans.deployment());
      expect(leftOf(await scans.keys())).toEqual([]);
      if (!brokeOff) {
        expect(until).toBe(objects);
        return;
      }
    }
  });

  it("removes nothing while the scan runs, and nothing where the first result is locked", async () => {
    const scans = await twoScans();
    const before = await scans.keys();
    scans.execution(scanId, 3, "RUNNING");
    await expect(remove(scans.deployment())).rejects.toMatchObject({ code: "ScanRunning" });
    scans.execution(scanId, 3, "ABORTED");
    const locked: ErasableStore = {
      ...scans.stores.results,
      // biome-ignore lint/correctness/useYield: it never comes that far
      async *erase() {
        throw new PipelineError("StoreLocked", "held");
      },
    };
    await expect(remove(scans.deployment({ results: locked }))).rejects.toMatchObject({ code: "StoreLocked" });
    expect(await scans.keys()).toEqual(before);
  });

  it("takes what undoes its de-identification along, of every secret, and leaves the secret", async () => {
    const scans = await deidentifiedTwice();
    const before = await scans.keys();
    const plan = await planDeletion(scanId, scans.deployment());
    expect(plan.results).toEqual([resultIdOf(4), resultIdOf(5)]);
    expect(plan.uploads).toEqual(["ward 7/doe.zip"]);
    expect(await deleteScan(plan, scans.deployment())).toMatchObject({ results: 4, deid: 4 });
    const after = await scans.keys();
    expect(after).toEqual(before.filter((key) => !leftOf([key]).length));
    expect(after).toEqual(expect.arrayContaining(["deid:secret", `deid:${deidKeys.map(resultIdOf(6))}`]));
  });

  it("keeps the map of a result that another upload has too", async () => {
    const scans = await deidentifiedTwice();
    await scans.published(other, 1, "t1", resultIdOf(4));
    await remove(scans.deployment());
    const left = (await scans.keys()).filter((key) => key.startsWith("deid:") && key.includes(resultIdOf(4)));
    expect(left).toEqual([`deid:${deidKeys.map(resultIdOf(4))}`]);
  });

  it("is refused for a de-identified scan without the place of its maps, also after its tasks are forgotten", async () => {
    const scans = await deidentifiedTwice();
    const before = await scans.keys();
    await expect(remove(scans.deployment({ deid: null }))).rejects.toMatchObject({
      code: "InputMismatch",
      message: expect.stringContaining("--deid-bucket"),
    });
    expect(await scans.keys()).toEqual(before);
    for await (const _ of scans.stores.work.erase(scanId));
    await expect(remove(scans.deployment({ deid: null }))).rejects.toMatchObject({ code: "InputMismatch" });
    // One that fell at Inspect kept nothing.
    await scans.takenIn(scanIdOf(3), { request: { refine: "on", seg: "binary", share: "stat", deidentify: "basic" } });
    await scans.setAside(scanIdOf(3), 1, "scan", "DeidentificationUnavailable");
    const without = scans.deployment({ deid: null });
    expect((await deleteScan(await planDeletion(scanIdOf(3), without), without)).deid).toBeNull();
  });

  it("removes one that is held, also where nothing else remembers it", async () => {
    const scans = new OperatedScans();
    await scans.held(scanId, "2026-01-02");
    for await (const _ of scans.stores.work.erase(scanId));
    expect(await scans.keys()).toEqual([`results:${resultKeys.held(scanId)}`]);
    const plan = await planDeletion(scanId, scans.deployment());
    expect(plan.uploads).toEqual(["ward 7/doe.zip"]);
    expect((await deleteScan(plan, scans.deployment())).held).toBe(1);
    expect(await scans.keys()).toEqual([]);
  });

  it("says which earlier version of the series stays", async () => {
    const scans = new OperatedScans();
    await scans.takenIn(scanId, { completeness: { evidence: "quiet-period", instances: 4, supersedes: other } });
    expect((await planDeletion(scanId, scans.deployment())).supersedes).toBe(other);
  });
});

describe("what intake remembers of a deleted scan", () => {
  async function gathered(version: string) {
    const scans = new OperatedScans();
    const ledger = memoryLedger();
    const seriesId = ledgerIds.series(place);
    const keys = ["1", "2"].map((n) => `ward 7/${n}.dcm`);
    for (const [n, key] of keys.entries()) {
      await ledger.record(seriesId, place, {
        ...{ uid: `${n}`, sha256: "a".repeat(64), object: { key, version: "v", size: 1 }, order: "1", seenAt: 1 },
        ...{ place: null, declared: null },
      });
    }
    for (const key of [...keys, "ward 7/doe.zip"]) await ledger.remember(ledgerIds.object("uploads", key));
    await ledger.remember(scanId);
    const head = (await ledger.read(seriesId))?.head;
    if (head === undefined) throw new TypeError("no head");
    const claimed = {
      scanId: version,
      evidence: "quiet-period",
      instances: 2,
      supersedes: null,
      isStarted: true,
    } as const;
    await ledger.replaceHead(seriesId, head, { version: claimed, checkAt: 0 });
    await scans.takenIn(scanId, { objects: keys.map((key) => ({ key, version: "v", size: 1 })) });
    const seen = () => ledger.countRemembered(keys.map((key) => ledgerIds.object("uploads", key)));
    return { deployment: scans.deployment({ ledger, bucket: "uploads" }), ledger, seriesId, seen };
  }

  it("goes with its series, and stays of other uploads; that the id was seen stays too", async () => {
    const { deployment, ledger, seriesId, seen } = await gathered(scanId);
    expect((await remove(deployment)).ledger).toBe(5);
    expect(await ledger.read(seriesId)).toBeNull();
    expect(await seen()).toBe(0);
    const others = [ledgerIds.object("uploads", "ward 7/doe.zip"), scanId];
    expect(await ledger.countRemembered(others)).toBe(2);
  });

  it("stays where the series has a later version, whose files they are", async () => {
    const { deployment, ledger, seriesId, seen } = await gathered(other);
    expect((await remove(deployment)).ledger).toBe(0);
    expect((await ledger.read(seriesId))?.instances).toHaveLength(2);
    expect(await seen()).toBe(2);
  });
});
