import { describe, expect, it } from "vitest";
import { sha256 } from "#src/core/ids.js";
import { readUpload } from "#src/intake/read-upload.js";
import { buildDicom, type DicomElements, SYNTAX } from "../../support/dicom-builder.js";
import { headerBomb, PLACES } from "../../support/header-bomb.js";
import { phantomSeries, phantomSlice } from "../../support/phantom-series.js";

/** Looks at bytes, and says how many were read at first. */
async function look(bytes: Uint8Array) {
  const reads: number[] = [];
  const looked = await readUpload({
    size: bytes.length,
    read: async (start, end) => {
      reads.push(end - start);
      return bytes.slice(start, end);
    },
  });
  return { looked, reads };
}

const dicom = (
  edit: (elements: DicomElements) => void = () => {},
  size: readonly [number, number, number] = [6, 5, 4],
) => {
  const elements = phantomSlice({ size }, 1);
  edit(elements);
  return buildDicom(elements);
};
const declaredBy = async (edit: (elements: DicomElements) => void) => {
  const { looked } = await look(dicom(edit));
  return looked.kind === "instance" ? looked.instance.declared : looked.kind;
};

describe("readUpload", () => {
  it("says of a slice which one it is, of which series, where it lies and what its digest is", async () => {
    const bytes = dicom((elements) => {
      elements["00180088"] = { vr: "DS", Value: ["3"] };
      elements["00180081"] = { vr: "DS", Value: ["90"] };
      elements["00080008"] = { vr: "CS", Value: ["M".repeat(5000)] };
    });
    const { looked } = await look(bytes);
    expect(looked).toEqual({
      kind: "instance",
      series: "1.2.826.0.1.3680043.10.1",
      instance: {
        uid: "1.2.826.0.1.3680043.10.1.4.2",
        sha256: sha256(bytes),
        place: {
          positionLps: [-12, 7, 34],
          orientationLps: [1, 0, 0, 0, 1, 0],
          thicknessMm: 3,
          declaredStepMm: 3,
          number: 1,
          // No more of a value than tells contrasts apart: whoever sends long ones would fill the ledger.
          contrast: { "image type": "M".repeat(256), "echo time": "90" },
        },
        declared: null,
      },
    });
  });

  it("reads as much of a large file as its header takes, and the rest in parts for the digest", async () => {
    const large = dicom(undefined, [1024, 6000, 1]);
    const { looked, reads } = await look(large);
    expect(looked).toMatchObject({ kind: "instance", instance: { sha256: sha256(large) } });
    expect(reads).toEqual([256 * 1024, 8 * 2 ** 20, large.length - 8 * 2 ** 20]);
    const longHeader = dicom((elements) => {
      elements["00204000"] = { vr: "LT", Value: ["x".repeat(10)] };
      elements["00091001"] = { vr: "OB", Value: [new Uint8Array(700_000).buffer] };
    });
    expect((await look(longHeader)).looked).toMatchObject({
      kind: "instance",
      instance: { sha256: sha256(longHeader) },
    });
  });

  it("takes a file that has lost its UID by its digest", async () => {
    const bytes = dicom((elements) => {
      elements["00080018"] = { vr: "UI", Value: [] };
    });
    expect((await look(bytes)).looked).toMatchObject({ kind: "instance", instance: { uid: sha256(bytes) } });
  });

  it("takes what is no DICOM file, or a damaged one, for an upload by itself", async () => {
    const [slice] = phantomSeries();
    const cut = slice?.bytes.subarray(0, 200) ?? new Uint8Array();
    const likeGroup8 = new Uint8Array(600_000).fill(1);
    likeGroup8.set([8, 0]);
    for (const bytes of [new Uint8Array(), new Uint8Array(500_000), likeGroup8, cut, new TextEncoder().encode("PK")]) {
      expect((await look(bytes)).looked).toEqual({ kind: "whole" });
    }
  });

  it("keeps an image that cannot be read with its series: Inspect refuses the series once, not each file", async () => {
    const [columns, rows] = ["00280011", "00280010"];
    for (const tag of [columns, rows, "00200032"]) {
      const bytes = dicom((elements) => {
        elements[tag ?? ""] = { vr: tag === "00200032" ? "DS" : "US", Value: [] };
      });
      const { looked } = await look(bytes);
      expect(looked).toMatchObject({
        kind: "instance",
        instance: { uid: "1.2.826.0.1.3680043.10.1.4.2", place: null },
      });
    }
  });

  it("leaves to Inspect what takes much to look at: large objects, long headers, names without end, packed files", async () => {
    const huge = await readUpload({ size: 2 ** 30 + 1, read: () => Promise.reject(new TypeError("was read")) });
    expect(huge).toEqual({ kind: "whole" });

    const reads: number[] = [];
    // One element that goes on and on.
    const endless = [0x09, 0, 0x01, 0x10, 0x4f, 0x42, 0, 0, 0, 0, 0, 0x20];
    const head = Buffer.concat([buildDicom({}), Uint8Array.from(endless)]);
    const read = async (start: number, end: number) => {
      reads.push(end - start);
      const bytes = new Uint8Array(end - start);
      bytes.set(head.subarray(0, bytes.length));
      return bytes;
    };
    expect(await readUpload({ size: 2 ** 27, read })).toEqual({ kind: "whole" });
    expect(Math.max(...reads)).toBe(8 * 2 ** 20);

    const named = dicom((elements) => {
      elements["0020000E"] = { vr: "UI", Value: ["1".repeat(2000)] };
    });
    expect((await look(named)).looked).toEqual({ kind: "whole" });

    const packed = new Uint8Array(2 ** 20 + 1);
    packed.set(buildDicom(phantomSlice({}, 0), SYNTAX.deflated));
    expect((await look(packed)).looked).toEqual({ kind: "whole" });
    const small = buildDicom(phantomSlice({}, 0), SYNTAX.deflated);
    expect((await look(small)).looked).toMatchObject({ kind: "instance" });
  });

  it.each(Object.keys(PLACES))("leaves headers of many elements to Inspect, wherever they are: %s", async (place) => {
    expect((await look(headerBomb(place, "items", 300_000))).looked).toEqual({ kind: "whole" });
  });

  it("knows a DICOM object without an image", async () => {
    const report = dicom((elements) => {
      elements["00080060"] = { vr: "CS", Value: ["SR"] };
      delete elements["7FE00010"];
      delete elements["00280010"];
    });
    expect((await look(report)).looked).toEqual({ kind: "no-image" });
    const segmentation = dicom(
      (elements) => {
        elements["00080060"] = { vr: "CS", Value: ["SEG"] };
      },
      [512, 1024, 1],
    );
    const { looked, reads } = await look(segmentation);
    expect([looked, reads]).toEqual([{ kind: "no-image" }, [256 * 1024]]);
  });

  it("takes the count of instances from the headers that say one, and of what", async () => {
    expect(await declaredBy(() => {})).toBeNull();
    const set = (tag: string, vr: string, ...Value: unknown[]) => ({ [tag]: { vr, Value } });
    const cases = [
      [set("00201209", "IS", "7"), { scope: "series", count: 7 }],
      // Of one volume of several, or of several series.
      [{ ...set("00200012", "IS", "2"), ...set("00201002", "IS", "5") }, null],
      [
        { ...set("00540081", "US", 9), ...set("00541000", "CS", "WHOLE BODY", "IMAGE") },
        { scope: "series", count: 9 },
      ],
      [{ ...set("00540081", "US", 9), ...set("00541000", "CS", "DYNAMIC", "IMAGE") }, null],
      [
        { ...set("00209161", "UI", "1.2"), ...set("00209163", "US", 3) },
        { scope: "concatenation 1.2", count: 3 },
      ],
      [set("00201209", "IS", "0"), null],
      [set("00201209", "IS", "many"), null],
    ] as const;
    for (const [elements, expected] of cases) {
      expect(await declaredBy((all) => Object.assign(all, elements))).toEqual(expected);
    }
  });
});
