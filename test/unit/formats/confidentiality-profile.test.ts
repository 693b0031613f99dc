import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pseudonymsOf } from "#src/core/pseudonyms.js";
import { BASIC_PROFILE, deidentifiedSource } from "#src/formats/confidentiality-profile.js";
import type { DicomSource } from "#src/formats/scan.js";
import { originOf, WRITTEN } from "#src/formats/written-attributes.js";

/** Action of each attribute in PS3.15 table E.1-1. */
const TABLE = new Map(
  readFileSync(new URL("../../support/confidentiality-profile.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      const [action = "", tags = ""] = line.split(": ");
      return tags.split(" ").map((tag) => [tag, action] as const);
    }),
);
const pseudonyms = pseudonymsOf(new Uint8Array(32).fill(1));

const source: DicomSource = {
  attributes: {
    "00080020": { vr: "DA", Value: ["20200102"] },
    "00080023": { vr: "DA", Value: ["20200103"] },
    "00080050": { vr: "SH" },
    "00081030": { vr: "LO", Value: ["ward 7"] },
    "00100010": { vr: "PN", Value: [{ Alphabetic: "Doe^John" }] },
    "00100020": { vr: "LO", Value: ["4711"] },
    "00100040": { vr: "CS", Value: ["M"] },
    "00120062": { vr: "CS", Value: ["NO"] },
    "00120063": { vr: "LO", Value: ["by hand, at St. Elsewhere"] },
    "00091001": { vr: "LO", Value: ["private"] },
  },
  studyInstanceUid: "1.2.3",
  seriesInstanceUid: "1.2.3.4",
  frameOfReferenceUid: "1.2.840.10008.1.4.1.1",
  slices: [
    { sopClassUid: "1.2.840.10008.5.1.4.1.1.4", sopInstanceUid: "1.2.3.4.5", frame: 2, positionLps: [1, 2, 3] },
    { sopClassUid: "1.3.12.2.1107.5.9.1", sopInstanceUid: "1.2.3.4.6", frame: null, positionLps: [1, 2, 4] },
  ],
  orientationLps: [1, 0, 0, 0, 1, 0],
  pixelSpacingMm: [1, 2],
  sliceThicknessMm: 5,
};

describe("the basic profile", () => {
  it("does to what is repeated of a source what the standard's table does", () => {
    expect(TABLE.size).toBeGreaterThan(600);
    const others: string[] = [];
    for (const [tag, action] of Object.entries(BASIC_PROFILE)) {
      const actions = TABLE.get(tag)?.split("/");
      if (actions === undefined) others.push(tag);
      // Z allows a dummy value (table E.1-1a).
      else
        expect([tag, [...actions, ...(actions.includes("Z") ? ["D"] : [])]]).toEqual([
          tag,
          expect.arrayContaining([action]),
        ]);
    }
    // Not in the table: Modality, Identity Removed and Method, Body Part, Series Number, Position Reference Indicator.
    expect(others.sort()).toEqual(["00080060", "00120062", "00120063", "00180015", "00200011", "00201040"]);
  });

  it("leaves what a lossy compression took, which identifies nobody", () => {
    const lossy = { "00282110": { vr: "CS", Value: ["01"] }, "00282112": { vr: "DS", Value: ["8.5"] } };
    const { attributes } = deidentifiedSource({ ...source, attributes: lossy }, pseudonyms).source;
    expect(attributes).toMatchObject(lossy);
  });

  it("takes out or replaces every attribute, and declares itself", () => {
    const { attributes } = deidentifiedSource(source, pseudonyms).source;
    const patient = pseudonyms.patient("id", "", "4711");
    expect(attributes).toEqual({
      "00080020": { vr: "DA" },
      "00080023": { vr: "DA", Value: ["19000101"] },
      "00080033": { vr: "TM", Value: ["000000"] },
      "00080050": { vr: "SH" },
      "00100010": { vr: "PN", Value: [{ Alphabetic: `Deidentified^${patient}` }] },
      "00100020": { vr: "LO", Value: [patient] },
      "00100040": { vr: "CS" },
      "00120062": { vr: "CS", Value: ["YES"] },
      "00120063": { vr: "LO", Value: ["PS3.15 Basic Application Confidentiality Profile"] },
      "00120064": { vr: "SQ", Value: [expect.objectContaining({ "00080100": { vr: "SH", Value: ["113100"] } })] },
      "00280303": { vr: "CS", Value: ["REMOVED"] },
    });
  });

  it("replaces UIDs, but those of DICOM itself, and tells the way back", () => {
    const { source: found, uids } = deidentifiedSource(source, pseudonyms);
    expect(found.studyInstanceUid).toBe(pseudonyms.uid("1.2.3"));
    expect(found.frameOfReferenceUid).toBe("1.2.840.10008.1.4.1.1");
    expect(found.slices.map(({ sopClassUid }) => sopClassUid)).toEqual([
      "1.2.840.10008.5.1.4.1.1.4",
      pseudonyms.uid("1.3.12.2.1107.5.9.1"),
    ]);
    expect([...uids.keys()]).toEqual(["1.2.3", "1.2.3.4", "1.2.3.4.5", "1.3.12.2.1107.5.9.1", "1.2.3.4.6"]);
    for (const [original, uid] of uids) expect(uid).toBe(pseudonyms.uid(original));
  });

  it("leaves places and sizes as they are", () => {
    const { slices, orientationLps, pixelSpacingMm, sliceThicknessMm } = deidentifiedSource(source, pseudonyms).source;
    expect(slices.map(({ frame, positionLps }) => ({ frame, positionLps }))).toEqual(
      source.slices.map(({ frame, positionLps }) => ({ frame, positionLps })),
    );
    expect([orientationLps, pixelSpacingMm, sliceThicknessMm]).toEqual([[1, 0, 0, 0, 1, 0], [1, 2], 5]);
  });

  it("keeps the studies of a patient together, and patients without an ID apart", () => {
    const nameOf = (changes: Partial<DicomSource>) =>
      deidentifiedSource({ ...source, ...changes }, pseudonyms).source.attributes["00100020"]?.Value?.[0];
    expect(nameOf({ studyInstanceUid: "9.9" })).toBe(nameOf({}));
    const without = { attributes: { "00100020": { vr: "LO" } } };
    expect(nameOf({ ...without, studyInstanceUid: "9.9" })).not.toBe(nameOf(without));
    const issuer = { "00100021": { vr: "LO", Value: ["other hospital"] } };
    expect(nameOf({ attributes: { ...source.attributes, ...issuer } })).not.toBe(nameOf({}));
  });
});

describe("the list of written attributes", () => {
  it("has every attribute once, and none that the profile takes out of the source", () => {
    const tags = Object.values(WRITTEN).flatMap((group) => Object.keys(group));
    expect(new Set(tags).size).toBe(tags.length);
    const copied = Object.entries(BASIC_PROFILE).filter(([tag]) => originOf(tag) === "patient");
    expect(copied.map(([, action]) => action)).not.toContain("X");
  });

  it("has all that the standard's table replaces by new UIDs among the UIDs", () => {
    const written = Object.values(WRITTEN).flatMap((group) => Object.keys(group));
    for (const tag of written.filter((one) => TABLE.get(one) === "U"))
      expect([tag, originOf(tag)]).toEqual([tag, "uid"]);
  });

  it("calls our own what the standard's table names for these attributes alone: their values are of no source", () => {
    const own = Object.keys(WRITTEN.own).filter((tag) => TABLE.has(tag));
    expect(own.sort()).toEqual([
      "0008103E", // Series Description: the model's name
      "00081070", // Operators' Name: empty
      "00181000", // Device Serial Number: of the result's pseudonym
      "00700084", // Content Creator's Name: empty
      "30060002", // Structure Set Label: a constant
      "30060004", // Structure Set Name: the model's name
      "30060006", // Structure Set Description: a constant
      "30060026", // ROI Name: of the model's labels
      "30060038", // ROI Generation Description: the model's name
      "300600A6", // ROI Interpreter: empty
    ]);
  });
});

describe("docs/deidentify.md", () => {
  it("gives each attribute with the action that is taken", () => {
    const page = readFileSync(new URL("../../../docs/deidentify.md", import.meta.url), "utf8");
    const rows = [...page.matchAll(/^\| \((\w{4}),(\w{4})\) \| [^|]+ \| (\w)( –)? \|/gm)];
    const documented = Object.fromEntries(rows.map(([, group, element, action]) => [`${group}${element}`, action]));
    expect(documented).toEqual(BASIC_PROFILE);
    const others = rows
      .filter(([, , , , dash]) => dash !== undefined)
      .map(([, group, element]) => `${group}${element}`);
    expect(others.filter((tag) => TABLE.has(tag))).toEqual([]);
    expect(others).toHaveLength(6);
  });
});
