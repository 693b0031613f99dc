import { describe, expect, it } from "vitest";
import { describeUpload } from "#src/formats/describe-upload.js";
import { readDirectory } from "#src/formats/dicom-directory.js";
import { findScans } from "#src/formats/find-scans.js";
import { expandUpload } from "#src/formats/upload.js";
import { SYNTAX } from "../../support/dicom-builder.js";
import { directoryFile } from "../../support/dicom-directory.js";
import { phantomSeries, phantomSlice, uploadOf } from "../../support/phantom-series.js";
import { zipOf } from "../../support/zip-builder.js";

const series = phantomSeries();
const uids = [0, 1, 2, 3].map((k) => String(phantomSlice({}, k)["00080018"]?.Value?.[0]));
const named = uids.map((uid, k) => [uid, ["DICOM", `IM${k}`]] as const);
const withDirectory = (...args: Parameters<typeof directoryFile>) => [
  ...series,
  { name: "DICOMDIR", bytes: directoryFile(...args) },
];

async function missing(files: Parameters<typeof uploadOf>[0]): Promise<string[]> {
  const { scans, warnings } = await findScans(uploadOf(files));
  expect(scans).toHaveLength(1);
  return warnings.flatMap(({ code, message }) => (code === "FileMissing" ? [message] : []));
}

describe("an upload with a DICOMDIR", () => {
  it("is complete where every instance is there, whatever the files are called", async () => {
    expect(await missing(withDirectory(named))).toEqual([]);
  });

  it("says how many of the files that it names are not there", async () => {
    const more = [...named, ["1.2.3.4", ["DICOM", "IM8"]], ["1.2.3.5", ["DICOM", "IM9"]]] as const;
    const message = "entry 4 is a DICOMDIR that names 6 files, and 2 of them are not in the upload";
    expect(await missing(withDirectory(more))).toEqual([message]);
    const described = await describeUpload(uploadOf(withDirectory(more)));
    expect(described.at(-1)).toEqual({ kind: "upload", entries: [], warnings: [{ code: "FileMissing", message }] });
  });

  it("takes a file of no image, or of new UIDs, by its name, and each for one record alone", async () => {
    const more = [...named, ["1.2.3.4", ["DICOM", "REPORT"]]] as const;
    const report = { name: "report;1", bytes: new TextEncoder().encode("no image".repeat(40)) };
    expect(await missing([...withDirectory(more), report])).toEqual([]);
    const twice = [...more, ["1.2.3.5", ["OTHER", "REPORT"]]] as const;
    expect(await missing([...withDirectory(twice), report])).toHaveLength(1);
    const replaced = series.map(({ name }, k) => [`1.2.9.${k}`, [name.toUpperCase()]] as const);
    expect(await missing(withDirectory(replaced))).toEqual([]);
  });

  it("does not miss a segmentation that is there for another reader", async () => {
    const more = [...named, ["1.2.3.4", ["DICOM", "SEG0"]]] as const;
    const [seg] = uploadOf([{ name: "seg0", bytes: new Uint8Array(9) }]).map((entry) => ({ ...entry, ordinal: 5 }));
    if (seg === undefined) throw new Error("an upload of one file has an entry");
    const entries = uploadOf(withDirectory(more));
    const codes = async (takenElsewhere: (typeof seg)[]) =>
      (await findScans(entries, { takenElsewhere })).warnings.map(({ code }) => code);
    expect(await codes([])).toContain("FileMissing");
    expect(await codes([seg])).not.toContain("FileMissing");
  });

  it("reads nothing by the paths that it names", async () => {
    const outside = [...named, ["1.2.3.4", ["..", "..", "ETC", "PASSWD"]], ["1.2.3.5", ["", "ETC", "HOSTS"]]] as const;
    const zip = await zipOf(withDirectory(outside));
    const asked: number[] = [];
    const upload = await expandUpload([{ ordinal: 0, name: "a.zip", size: zip.length, read: async () => zip }]);
    const entries = upload.map((entry) => ({
      ...entry,
      read() {
        asked.push(entry.ordinal);
        return entry.read();
      },
    }));
    const { warnings } = await findScans(entries);
    expect(warnings.map((warning) => warning.code)).toEqual(["FileIgnored", "FileMissing"]);
    expect(JSON.stringify(warnings)).not.toMatch(/passwd|hosts|\.\./i);
    expect(new Set(asked)).toEqual(new Set([0, 1, 2, 3, 4]));
  });
});

it("reads each record of a DICOMDIR once, though they are chained to a ring", () => {
  const directory = readDirectory(directoryFile(named), 7);
  expect(directory?.records.map((record) => record.name)).toEqual(["IM0", "IM1", "IM2", "IM3"]);
  expect(readDirectory(series[0]?.bytes ?? new Uint8Array(), 0)).toBeNull();
});

it("refuses a record whose text reaches beyond the file", () => {
  const file = Buffer.from(directoryFile(named.slice(0, 1), SYNTAX.implicitLittle));
  expect(readDirectory(file, 3)?.records).toHaveLength(1);
  const uidAt = file.lastIndexOf(Buffer.from([0x04, 0x00, 0x11, 0x15]));
  file.writeUInt32LE(0x00ffffff, uidAt + 4);
  expect(() => readDirectory(file, 3)).toThrow(expect.objectContaining({ code: "InputUnreadable" }));
});
