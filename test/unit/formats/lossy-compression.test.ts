import { describe, expect, it } from "vitest";
import { parseDicomFile } from "#src/formats/dicom-file.js";
import { lossyCompression } from "#src/formats/lossy-compression.js";
import { readPixelFormat } from "#src/formats/pixel-format.js";
import { buildDicom } from "../../support/dicom-builder.js";
import { phantomSlice } from "../../support/phantom-series.js";

/** Of a slice whose header says so, as if it were of another transfer syntax: the pixels are not looked at. */
function lossy(transferSyntaxUid: string, says?: string, ratio?: string, method?: string) {
  const elements = phantomSlice({}, 0);
  if (says !== undefined) elements["00282110"] = { vr: "CS", Value: [says] };
  if (ratio !== undefined) elements["00282112"] = { vr: "DS", Value: [ratio] };
  if (method !== undefined) elements["00282114"] = { vr: "CS", Value: [method] };
  const file = parseDicomFile(buildDicom(elements), "entry 0");
  if (file === null) throw new Error("no DICOM");
  return lossyCompression({ ...file, transferSyntaxUid }, readPixelFormat(file, file.dataSet, "entry 0"), 1);
}

const JPEG = "1.2.840.10008.1.2.4.50";
const JPEG_2000 = "1.2.840.10008.1.2.4.91";
const NEVER = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"];

describe("lossyCompression", () => {
  it("goes by the transfer syntax where that loses, with what it lost", () => {
    // As many bytes as pixels need: nothing was saved.
    expect(lossy(JPEG)).toEqual({ ratios: ["1"], methods: ["ISO_10918_1"] });
    expect(lossy(JPEG, "00")).not.toBeNull();
    expect(lossy(JPEG_2000)).toEqual({ ratios: ["1"], methods: ["ISO_15444_1"] });
    expect(lossy(JPEG_2000, "00")).toBeNull();
  });

  it("fills in ratio and method each by itself, and keeps what is said", () => {
    expect(lossy(JPEG, "01", "12.5")).toEqual({ ratios: ["12.5"], methods: ["ISO_10918_1"] });
    expect(lossy(JPEG, "01", undefined, "ISO_15444_1")).toEqual({ ratios: ["1"], methods: ["ISO_15444_1"] });
    expect(lossy(JPEG, "01", "12.5", "ISO_15444_1")).toEqual({ ratios: ["12.5"], methods: ["ISO_15444_1"] });
  });

  it("goes by the header of pixels that were lossy once", () => {
    for (const syntax of NEVER) {
      expect(lossy(syntax)).toBeNull();
      expect(lossy(syntax, "00")).toBeNull();
      expect(lossy(syntax, "01")).toEqual({ ratios: [], methods: [] });
    }
  });
});
