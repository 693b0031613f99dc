import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import { uploadOf } from "../../support/fuzz/read-everything.js";
import { JPEG_PICTURES } from "../../support/jpeg-pictures.js";

async function loaded(bytes: Uint8Array) {
  const entries = [uploadOf(bytes, "a")];
  const { scans } = await findScans(entries);
  if (scans[0] === undefined) throw new Error("nothing found");
  return loadScan(scans[0], entries);
}

const LUMINANCE = [0.299, 0.587, 0.114] as const;

describe("JPEG", () => {
  it.each(JPEG_PICTURES)(
    "reads $name: every pixel near what was packed, the sums those of libjpeg",
    async (picture) => {
      const { volume, colours } = await loaded(picture.bytes);
      expect(volume.size).toEqual([24, 16, 1]);
      const channels = colours ?? [volume.data];
      expect(channels.map((channel) => channel.reduce((sum, value) => sum + value, 0))).toEqual(picture.sums);
      for (const [c, channel] of channels.entries()) {
        const far = channel.map((value, i) => Math.abs(value - picture.valueAt(i % 24, Math.floor(i / 24), c)));
        expect(Math.max(...far)).toBeLessThanOrEqual(picture.tolerance);
      }
      if (colours === undefined) return;
      const off = volume.data.map((value, i) =>
        Math.abs(value - LUMINANCE.reduce((sum, weight, c) => sum + weight * (colours[c]?.[i] ?? 0), 0)),
      );
      expect(Math.max(...off)).toBeLessThan(1e-3);
    },
  );

  it.each(["a length that no stream of this size can hold", "no frame header"])("refuses %s", async (what) => {
    const bytes = JPEG_PICTURES[0]?.bytes.slice() ?? new Uint8Array();
    const frame = Buffer.from(bytes).indexOf(Uint8Array.of(0xff, 0xc0));
    if (what === "no frame header") bytes.fill(0, frame);
    else bytes.fill(0xff, frame + 5, frame + 9);
    await expect(loaded(bytes)).rejects.toMatchObject({ name: expect.stringMatching(/^Input/) });
  });
});
