import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { bytesAhead, READS_AHEAD, readAhead } from "#src/formats/read-ahead.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { expandUpload } from "#src/formats/upload.js";
import { phantomSeries } from "../../support/phantom-series.js";

const MIB = 2 ** 20;

/** Files whose reads take a turn each, the first of them longest, and what was seen of them. */
function slow(files: readonly { readonly bytes: Uint8Array; readonly size?: number }[], isRemote = true) {
  const seen = { underWay: 0, most: 0, started: [] as number[] };
  const turns = async (count: number) => {
    for (let n = 0; n < count; n++) await new Promise(setImmediate);
  };
  const entries = files.map(({ bytes, size = bytes.length }, ordinal): UploadEntry => {
    const read = async (length: number) => {
      seen.started.push(ordinal);
      seen.most = Math.max(seen.most, ++seen.underWay);
      await turns(files.length - ordinal);
      seen.underWay--;
      return bytes.subarray(0, length);
    };
    const name = `${ordinal}.dcm`;
    return { ordinal, name, size, isRemote, read: () => read(Number.POSITIVE_INFINITY), readHead: read };
  });
  return { entries, seen };
}

const read = (entry: UploadEntry) => entry.read();

describe("readAhead", () => {
  it("reads the next remote files while one is looked at, so many at most, and gives them in their order", async () => {
    const { entries, seen } = slow(Array.from({ length: 60 }, (_, n) => ({ bytes: Uint8Array.of(n) })));
    const found: number[] = [];
    for await (const [entry, readIt] of readAhead(entries, { read })) {
      const [byte = -1] = await readIt();
      expect(byte).toBe(entry.ordinal);
      found.push(byte);
    }
    expect(found).toEqual(entries.map(({ ordinal }) => ordinal));
    expect(seen.started).toEqual(found);
    expect(seen.most).toBe(READS_AHEAD);
  });

  it("holds so many bytes at most, and a larger file by itself", async () => {
    const sizes = [30, 30, 30, 200, 1, 30, 30, 30];
    const { entries, seen } = slow(sizes.map((size) => ({ bytes: new Uint8Array(1), size: size * MIB })));
    const held: number[] = [];
    for await (const [, readIt] of readAhead(entries, { read })) {
      await readIt();
      held.push(seen.started.length);
    }
    expect(held).toEqual([2, 3, 3, 4, 7, 7, 8, 8]);
  });

  it("is known to hold so many before it reads: limited by files, by bytes, and by the one that is larger", () => {
    const ahead = (sizes: readonly number[], isRemote = true) =>
      bytesAhead(
        slow(
          sizes.map((size) => ({ bytes: new Uint8Array(1), size: size * MIB })),
          isRemote,
        ).entries,
      ) / MIB;
    expect(ahead(Array.from({ length: 60 }, () => 1))).toBe(READS_AHEAD - 1);
    expect(ahead(Array.from({ length: 60 }, () => 4))).toBe(64 - 4);
    expect([ahead([5, 4]), ahead([200, 4]), ahead([9]), ahead([])]).toEqual([4, 0, 0, 0]);
    expect(ahead([5, 4], false)).toBe(0);
  });

  it("tells the failure that is first in the files' order, whichever comes first, and waits for what is under way", async () => {
    const { entries, seen } = slow(Array.from({ length: 40 }, () => ({ bytes: Uint8Array.of(0) })));
    const failing = async (entry: UploadEntry) => {
      await read(entry);
      if (entry.ordinal === 5 || entry.ordinal === 20) throw new PipelineError("StoreBusy", `entry ${entry.ordinal}`);
    };
    const all = async () => {
      for await (const [, readIt] of readAhead(entries, { read: failing })) await readIt();
    };
    await expect(all()).rejects.toThrow("entry 5");
    expect(seen.underWay).toBe(0);
    expect(seen.started).toHaveLength(5 + READS_AHEAD);
  });

  it("reads what is not remote when its turn comes, and not where it is passed over", async () => {
    const { entries, seen } = slow(
      Array.from({ length: 5 }, () => ({ bytes: Uint8Array.of(0) })),
      false,
    );
    for await (const [entry, readIt] of readAhead(entries, { read })) if (entry.ordinal !== 2) await readIt();
    expect(seen.started).toEqual([0, 1, 3, 4]);
    expect(seen.most).toBe(1);
  });
});

describe("an upload of many remote files", () => {
  const files = phantomSeries({}).map(({ bytes }) => ({ bytes }));

  it("is opened, looked through and loaded with several reads under way, with what one at a time gives", async () => {
    const results: unknown[] = [];
    for (const isRemote of [false, true]) {
      const { entries, seen } = slow([...files].reverse(), isRemote);
      const mosts: number[] = [];
      const most = () => {
        mosts.push(seen.most);
        seen.most = 0;
      };
      const opened = await expandUpload(entries);
      most();
      const { scans, warnings } = await findScans(opened);
      most();
      const [scan] = scans;
      if (scan === undefined) throw new Error("the series is an image");
      const { volume } = await loadScan(scan, opened);
      most();
      results.push({ scans, warnings, volume });
      const expected = isRemote ? Math.min(READS_AHEAD, files.length) : 1;
      expect(mosts).toEqual([expected, expected, expected]);
    }
    expect(results[1]).toEqual(results[0]);
  });

  it("is refused for its first bad file, whichever read fails first", async () => {
    const broken = files.map(({ bytes }, n) => ({ bytes: n === 2 || n === 6 ? bytes.subarray(0, 600) : bytes }));
    const refusals: unknown[] = [];
    for (const isRemote of [false, true]) {
      const { entries } = slow(broken, isRemote);
      refusals.push(await findScans(entries).catch((error: Error) => error.message));
    }
    expect(refusals[0]).toMatch(/entry 2/);
    expect(refusals[1]).toBe(refusals[0]);
  });
});
