import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import type { LoadedScan, UploadEntry } from "#src/formats/scan.js";
import { applyAffine } from "#src/imaging/affine.js";
import { buildDicom, type DicomElements } from "../../support/dicom-builder.js";
import { enhancedFile, mosaicFile } from "../../support/dicom-shapes.js";
import {
  interceptOf,
  type PhantomSeries,
  phantomSeries,
  phantomSlice,
  phantomValue,
  slopeOf,
  uploadOf,
} from "../../support/phantom-series.js";

function set(tag: string, vr: string, ...Value: unknown[]) {
  return (elements: DicomElements) => {
    elements[tag] = { vr, Value };
  };
}

const file = (bytes: Uint8Array, name = "a") => ({ name, bytes });

async function loadAll(entries: readonly UploadEntry[]) {
  const { scans } = await findScans(entries);
  const loaded: LoadedScan[] = [];
  for (const scan of scans) loaded.push(await loadScan(scan, entries));
  return { scans, loaded };
}

/** Farthest that a voxel is from what the phantom shows in its place. */
function worst({ volume }: LoadedScan): number {
  const [nx, ny] = volume.size;
  let farthest = 0;
  for (const [i, value] of volume.data.entries()) {
    const place = applyAffine(volume.affineRas, [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))]);
    farthest = Math.max(farthest, Math.abs(value - phantomValue(place)));
  }
  return farthest;
}

describe("an enhanced multi-frame object", () => {
  const size = [6, 5, 4] as const;

  it("is put in order by position, each frame with its own rescale, and names its frames", async () => {
    const frames = [2, 0, 3, 1].map((k) => ({ k }));
    const { scans, loaded } = await loadAll(uploadOf([file(enhancedFile({ plane: "oblique", size }, frames))]));
    expect(scans.map(({ entries, parts }) => [entries, parts])).toEqual([
      [
        [0, 0, 0, 0],
        [2, 4, 1, 3],
      ],
    ]);
    expect(loaded[0]?.dicom?.slices.map(({ frame }) => frame)).toEqual([2, 4, 1, 3]);
    expect(loaded[0]?.volume.spacingMm?.[2]).toBeCloseTo(3, 4);
    // Half the largest slope.
    expect(worst(loaded[0] as LoadedScan)).toBeLessThan(0.51);
  });

  it("is the same volume as the classic series", async () => {
    const frames = [3, 1, 2, 0].map((k) => ({ k }));
    const enhanced = await loadAll(uploadOf([file(enhancedFile({ size }, frames))]));
    const classic = await loadAll(uploadOf(phantomSeries({ size })));
    expect(enhanced.loaded[0]?.volume).toEqual(classic.loaded[0]?.volume);
  });

  it.each([
    { told: "temporal position", frames: (n: number, k: number) => ({ k, temporal: n + 1 }) },
    {
      told: "frame type",
      frames: (n: number, k: number) => ({ k, frameType: ["ORIGINAL", "PRIMARY", "B0", "AB"[n]].join("\\") }),
    },
    { told: "stack", frames: (n: number, k: number) => ({ k, stackId: String(n + 1) }) },
  ])("is several volumes where $told tells its frames apart", async ({ told, frames }) => {
    const all = [1, 0, 2, 3].flatMap((k) => [0, 1].map((n) => ({ ...frames(n, k), rescale: [1 + n, 0] as const })));
    const { scans, loaded } = await loadAll(uploadOf([file(enhancedFile({ size }, all))]));
    expect(scans.map(({ parts }) => parts)).toEqual([
      [3, 1, 5, 7],
      [4, 2, 6, 8],
    ]);
    expect(scans[1]?.warnings).toContainEqual({
      code: "SeriesSplit",
      message: `the series holds 2 volumes told apart by ${told}; this image is volume 2`,
    });
    expect(scans[0]?.instances).not.toEqual(scans[1]?.instances);
    // The same stored values, by twice the slope.
    expect(loaded[1]?.volume.data).toEqual(loaded[0]?.volume.data.map((value) => 2 * value));
  });

  const sequence = (item: DicomElements) => ({ vr: "SQ", Value: [item] });
  const region = (code: string, meaning: string) =>
    sequence({ "00080100": { vr: "SH", Value: [code] }, "00080104": { vr: "LO", Value: [meaning] } });
  const inShared = (tag: string, item: DicomElements) => (root: DicomElements) => {
    const [shared] = (root["52009229"]?.Value ?? []) as DicomElements[];
    if (shared !== undefined) shared[tag] = sequence(item);
  };
  it.each<[string, string, (root: DicomElements) => void]>([
    ["its region", "BRAIN", (root) => void Object.assign(root, { "00082218": region("T-A0100", "Encephalon") })],
    ["the region of its frames", "HEAD", inShared("00209071", { "00082218": region("69536005", "Head") })],
    ["the name of a region", "HIPPOCAMPUS", inShared("00209071", { "00082218": region("3740002", "Hippocampus") })],
    ["single images before", "KNEE", inShared("00209170", { "00180015": { vr: "CS", Value: ["knee"] } })],
    [
      "itself first",
      "CHEST",
      (root) => {
        root["00180015"] = { vr: "CS", Value: ["CHEST"] };
        root["00082218"] = region("T-A0100", "Brain");
      },
    ],
  ])("shows the part of the body that is said of %s", async (_, bodyPart, edit) => {
    const bytes = enhancedFile({ size }, [{ k: 0 }, { k: 1 }], edit);
    expect((await findScans(uploadOf([file(bytes)]))).scans.map((scan) => scan.bodyPart)).toEqual([bodyPart]);
  });

  it("is one volume spread over instances of one series", async () => {
    const [one, two] = [
      [0, 2],
      [3, 1],
    ].map((ks, n) =>
      enhancedFile(
        { size },
        ks.map((k) => ({ k })),
        set("00080018", "UI", `1.2.${n + 1}`),
      ),
    );
    const { scans, loaded } = await loadAll(uploadOf([file(two as Uint8Array), file(one as Uint8Array, "b")]));
    expect(scans).toHaveLength(1);
    expect(scans[0]?.entries).toEqual([1, 0, 1, 0]);
    expect(worst(loaded[0] as LoadedScan)).toBeLessThan(0.51);
  });

  it("is refused where it describes other frames than it says it has, or many in one place", async () => {
    const wrong = enhancedFile({ size }, [{ k: 0 }, { k: 1 }], set("00280008", "IS", "3"));
    await expect(findScans(uploadOf([file(wrong)]))).rejects.toMatchObject({
      code: "InputUnreadable",
      message: "entry 0 says it has 3 frames and describes 2",
    });
    const cine = phantomSlice({ edit: set("00280008", "IS", "12") }, 0);
    await expect(findScans(uploadOf([file(buildDicom(cine))]))).rejects.toMatchObject({
      code: "InputUnsupported",
      message: "entry 0 has 12 frames in one place, expected one image or a place for each",
    });
  });
});

describe("a cine that lies nowhere", () => {
  /** Ultrasound of 3 frames of 6 x 5 pixels: frame n is 10 n everywhere. */
  const cine = (edit: (elements: DicomElements) => void = () => {}) => {
    const elements = phantomSlice({}, 0);
    for (const tag of ["00200032", "00200037", "00281052", "00281053"]) delete elements[tag];
    set("00080060", "CS", "US")(elements);
    set("00080016", "UI", "1.2.840.10008.5.1.4.1.1.3.1")(elements);
    set("00280008", "IS", "3")(elements);
    const pixels = Int16Array.from({ length: 3 * 30 }, (_, i) => 10 * Math.floor(i / 30));
    set("7FE00010", "OW", pixels.buffer)(elements);
    edit(elements);
    return uploadOf([file(buildDicom(elements))]);
  };

  it("is an image a frame", async () => {
    const { scans, loaded } = await loadAll(cine());
    expect(scans.map(({ entries, parts }) => [entries, parts])).toEqual([1, 2, 3].map((frame) => [[0], [frame]]));
    expect(loaded.map(({ volume }) => [...new Set(volume.data)])).toEqual([[0], [10], [20]]);
    expect(loaded.map(({ dicom }) => dicom)).toEqual([null, null, null]);
    expect(new Set(scans.map(({ instances }) => instances.join())).size).toBe(3);
    expect(scans[1]?.warnings).toContainEqual({
      code: "SeriesSplit",
      message: "entry 0 holds 3 frames that lie nowhere; this image is frame 2",
    });
  });

  it.each([
    ["of more frames than an upload may have images", set("00280008", "IS", "1001"), "1001 frames"],
    ["of tiles of one slide", set("00480006", "UL", 12), "whole-slide"],
  ])("is refused where it is one %s", async (_, edit, words) => {
    await expect(findScans(cine(edit))).rejects.toMatchObject({
      code: "InputUnsupported",
      message: expect.stringContaining(words),
    });
  });

  /** Groups for each frame, as of enhanced X-ray angiography: frame n has its own spacing and rescale, and no place. */
  const grouped = (elements: DicomElements) => {
    const groups = [1, 2, 3].map((n) => ({
      "00209111": { vr: "SQ", Value: [{ "00209156": { vr: "US", Value: [n] } }] },
      "00289443": { vr: "SQ", Value: [{ "00181164": { vr: "DS", Value: [String(n / 10), String(n / 5)] } }] },
      "00289145": {
        vr: "SQ",
        Value: [{ "00281052": { vr: "DS", Value: ["0"] }, "00281053": { vr: "DS", Value: [String(n)] } }],
      },
    }));
    delete elements["00280030"];
    set("00080060", "CS", "XA")(elements);
    set("00080016", "UI", "1.2.840.10008.5.1.4.1.1.12.1.1")(elements);
    set("52009230", "SQ", ...groups)(elements);
  };

  it("is an image a frame where its frames have headers of their own", async () => {
    const { scans, loaded } = await loadAll(cine(grouped));
    expect(scans.map(({ entries, parts }) => [entries, parts])).toEqual([1, 2, 3].map((frame) => [[0], [frame]]));
    expect(loaded.map(({ volume }) => [...new Set(volume.data)])).toEqual([[0], [20], [60]]);
    const close = (mm: number) => expect.closeTo(mm, 9);
    expect(scans.map(({ grid }) => grid.spacingMm)).toEqual([1, 2, 3].map((n) => [close(n / 5), close(n / 10), 1]));
    expect(scans[1]?.warnings).toContainEqual({
      code: "SeriesSplit",
      message: "entry 0 holds 3 frames that lie nowhere; this image is frame 2",
    });
  });

  it.each([
    ["tiles of one slide", set("00480006", "UL", 12), "whole-slide"],
    [
      "slices of a volume that lies nowhere",
      (elements: DicomElements) => {
        for (const frame of (elements["52009230"]?.Value ?? []) as DicomElements[]) {
          set("0020930E", "SQ", { "00209301": { vr: "FD", Value: [0, 0, 1] } })(frame);
        }
      },
      "lies nowhere in the patient",
    ],
    [
      "placed and others are not",
      (elements: DicomElements) => {
        const [frame = {}] = (elements["52009230"]?.Value ?? []) as DicomElements[];
        set("00209113", "SQ", { "00200032": { vr: "DS", Value: ["0", "0", "0"] } })(frame);
        set("00209116", "SQ", { "00200037": { vr: "DS", Value: ["1", "0", "0", "0", "1", "0"] } })(frame);
        set("00289110", "SQ", { "00280030": { vr: "DS", Value: ["1", "1"] } })(frame);
      },
      "2 of 3 frames that lie nowhere",
    ],
  ])("is refused where its frames with headers are %s", async (_, edit, words) => {
    const edited = cine((elements) => {
      grouped(elements);
      edit(elements);
    });
    await expect(findScans(edited)).rejects.toMatchObject({
      code: "InputUnsupported",
      message: expect.stringContaining(words),
    });
  });

  it("is refused where it is cut short", async () => {
    await expect(findScans(cine(set("00280008", "IS", "4")))).rejects.toMatchObject({ code: "InputUnreadable" });
  });
});

describe("a Siemens mosaic", () => {
  const options: PhantomSeries & { readonly size: readonly [number, number, number] } = { size: [4, 3, 5] };
  /** Stored values of slice k, as the mosaic shows them with a rescale of 1 and 0. */
  const stored = (ras: readonly number[], k: number) => Math.round((phantomValue(ras) - interceptOf(k)) / slopeOf(k));

  it.each([
    { name: "along the image's normal", normal: [0, 0, 1] as const, order: [0, 1, 2, 3, 4] },
    { name: "against it", normal: [0, 0, -1] as const, order: [4, 3, 2, 1, 0] },
  ])("is cut into slices in their places, stacked $name", async ({ normal, order }) => {
    const depthMm = (k: number) => (normal[2] ?? 0) * 3 * k;
    const { scans, loaded } = await loadAll(uploadOf([file(mosaicFile({ ...options, depthMm }, normal))]));
    expect(scans[0]?.parts).toEqual(order.map((k) => k + 1));
    expect(loaded[0]?.dicom?.slices.map(({ frame }) => frame)).toEqual([null, null, null, null, null]);
    const { data, affineRas, size } = (loaded[0] as LoadedScan).volume;
    expect(size).toEqual([4, 3, 5]);
    for (const [i, value] of data.entries()) {
      const [x, y, z] = [i % 4, Math.floor(i / 4) % 3, Math.floor(i / 12)];
      expect(value).toBe(stored(applyAffine(affineRas, [x, y, z]), order[z] ?? 0));
    }
  });

  it("is one image for each moment of a time series", async () => {
    const at = (n: number) => (elements: DicomElements) => {
      set("00080018", "UI", `1.2.9.${n}`)(elements);
      set("00200012", "IS", String(n))(elements);
    };
    const files = [2, 1].map((n) => file(mosaicFile(options, [0, 0, 1], at(n)), String(n)));
    const { scans } = await loadAll(uploadOf(files));
    expect(scans.map(({ entries }) => new Set(entries))).toEqual([new Set([1]), new Set([0])]);
  });

  it.each([
    {
      name: "without a CSA header",
      edit: (elements: DicomElements) => delete elements["00291010"],
      code: "InputUnsupported",
    },
    { name: "of slices that run along the image", normal: [1, 0, 0] as const, code: "InputUnreadable" },
    { name: "whose tiles do not fit", edit: set("00280011", "US", 11), code: "InputUnreadable" },
  ])("is refused $name", async ({ edit, normal, code }) => {
    const bytes = mosaicFile(
      options,
      normal ?? [0, 0, 1],
      edit === undefined ? undefined : (elements) => void edit(elements),
    );
    await expect(findScans(uploadOf([file(bytes)]))).rejects.toMatchObject({ code });
  });
});

describe("an image without a place", () => {
  const flat = (...edits: ((elements: DicomElements) => unknown)[]) => {
    const elements = phantomSlice({ size: [6, 5, 1] }, 0);
    elements["00080060"] = { vr: "CS", Value: ["DX"] };
    for (const tag of ["00200032", "00200037", "00280030"]) delete elements[tag];
    for (const edit of edits) edit(elements);
    return file(buildDicom(elements));
  };
  const region = (delta: number, units = 3) => ({
    "00186024": { vr: "US", Value: [units] },
    "00186026": { vr: "US", Value: [units] },
    "0018602C": { vr: "FD", Value: [delta] },
    "0018602E": { vr: "FD", Value: [-2 * delta] },
  });

  it.each([
    { from: "Pixel Spacing", edit: set("00280030", "DS", "0.2", "0.1"), spacing: [0.1, 0.2, 1] },
    {
      from: "Imager Pixel Spacing",
      edit: set("00181164", "DS", "0.4", "0.3"),
      spacing: [0.3, 0.4, 1],
      warns: "SpacingAtDetector",
    },
    { from: "Nominal Scanned Pixel Spacing", edit: set("00182010", "DS", "0.4", "0.3"), spacing: [0.3, 0.4, 1] },
    { from: "an ultrasound region", edit: set("00186011", "SQ", region(0.01)), spacing: [0.1, 0.2, 1] },
    {
      from: "regions that differ",
      edit: set("00186011", "SQ", region(0.01), region(0.02)),
      spacing: null,
      warns: "SpacingUnknown",
    },
    {
      from: "a region in seconds",
      edit: set("00186011", "SQ", region(0.01, 4)),
      spacing: null,
      warns: "SpacingUnknown",
    },
    { from: "nothing", edit: () => undefined, spacing: null, warns: "SpacingUnknown" },
  ])("has its spacing from $from", async ({ edit, spacing, warns }) => {
    const { scans, loaded } = await loadAll(uploadOf([flat(edit)]));
    expect(scans[0]?.grid.size).toEqual([6, 5, 1]);
    if (spacing === null) expect(scans[0]?.grid.spacingMm).toBeNull();
    else for (const [axis, mm] of spacing.entries()) expect(scans[0]?.grid.spacingMm?.[axis]).toBeCloseTo(mm, 9);
    expect(scans[0]?.warnings.map(({ code }) => code)).toEqual(["PlacementUnknown", ...(warns ? [warns] : [])]);
    expect(loaded[0]?.dicom).toBeNull();
  });

  it("takes Imager Pixel Spacing by the magnification that is stated", async () => {
    const spaced = flat(set("00181164", "DS", "0.4", "0.3"), set("00181114", "DS", "2"));
    const { scans } = await loadAll(uploadOf([spaced]));
    expect(scans[0]?.grid.spacingMm).toEqual([0.15, 0.2, 1]);
    expect(scans[0]?.warnings.map(({ code }) => code)).toEqual(["PlacementUnknown"]);
  });

  it("is an image of its own, also beside others of its series", async () => {
    const { scans } = await loadAll(uploadOf([flat(), flat(set("00080018", "UI", "1.2.9"))]));
    expect(scans.map(({ entries }) => entries)).toEqual([[0], [1]]);
  });
});
