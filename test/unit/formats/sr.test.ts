import dicomParser, { type DataSet } from "dicom-parser";
import { describe, expect, it } from "vitest";
import { readReportVolumes } from "#src/formats/sr-read.js";
import { writeMeasurementReport } from "#src/formats/sr-write.js";
import { phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { reportOptions } from "../../support/report-phantom.js";

describe("writeMeasurementReport", () => {
  it("gives every volume back to the last bit, and 0", async () => {
    for (const volumes of [
      [1234.5, 0],
      [1 / 3, 1e-7 / 3],
      [123_456.789_012_345_67, 2 ** 40 / 3],
    ] as const) {
      const report = writeMeasurementReport(await reportOptions(uploadOf(phantomSeries()), volumes));
      expect([...readReportVolumes(report)]).toEqual([
        [1, volumes[0]],
        [2, volumes[1]],
      ]);
    }
  });

  it("says what was found and where: type, side, segment, tracking", async () => {
    const dataSet = dicomParser.parseDicom(writeMeasurementReport(await reportOptions(uploadOf(phantomSeries()))));
    const [group] = children(dataSet, "126010").flatMap((item) => children(item, "125007"));
    if (group === undefined) throw new Error("no group");
    const codeOf = (item: DataSet | undefined) => item?.elements.x0040a168?.items?.[0]?.dataSet?.string("x00080100");
    expect(codeOf(children(group, "121071")[0])).toBe("3740002");
    const [site] = children(group, "363698007");
    expect(codeOf(site)).toBe("3740002");
    expect(codeOf(site === undefined ? undefined : children(site, "272741003")[0])).toBe("7771000");
    expect(children(group, "112039")[0]?.string("x0040a160")).toBe("hippocampus");
    const segment = children(group, "121191")[0]?.elements.x00081199?.items?.[0]?.dataSet;
    expect([segment?.string("x00081155"), segment?.uint16("x0062000b")]).toEqual(["1.2.3.4", 1]);
    expect([dataSet.string("x00080023"), dataSet.string("x00080033")]).toEqual(["20200103", "101114"]);
  });

  it("puts the modifier of what is no anatomy on the finding", async () => {
    const options = await reportOptions(uploadOf(phantomSeries()));
    const category = { value: "49755003", scheme: "SCT", meaning: "Morphologically Altered Structure" };
    const segments = options.segments.map((segment) => ({ ...segment, category }));
    const dataSet = dicomParser.parseDicom(writeMeasurementReport({ ...options, segments }));
    const [group] = children(dataSet, "126010").flatMap((item) => children(item, "125007"));
    const [finding] = group === undefined ? [] : children(group, "121071");
    expect(finding === undefined ? [] : children(finding, "272741003")).toHaveLength(1);
    expect(group === undefined ? [] : children(group, "363698007")).toHaveLength(0);
  });

  it("writes the same bytes each time", async () => {
    const options = await reportOptions(uploadOf(phantomSeries()));
    expect(writeMeasurementReport(options)).toEqual(writeMeasurementReport(options));
  });

  it("refuses a volume that is none", async () => {
    for (const volume of [Number.NaN, -1]) {
      const options = await reportOptions(uploadOf(phantomSeries()), [volume, 1]);
      expect(() => writeMeasurementReport(options)).toThrow(`must be finite and not negative, got ${volume}`);
    }
  });
});

describe("readReportVolumes", () => {
  it("refuses what is no report, and another unit", async () => {
    expect(() => readReportVolumes(new Uint8Array(200))).toThrow("cannot be parsed");
    const bytes = Buffer.from(writeMeasurementReport(await reportOptions(uploadOf(phantomSeries()))));
    bytes.write("cm3", bytes.indexOf("mm3"));
    expect(() => readReportVolumes(bytes)).toThrow("another unit than mm3");
  });
});

/** Content items of a concept, right below an item. */
function children(item: DataSet, concept: string): DataSet[] {
  return (item.elements.x0040a730?.items ?? [])
    .flatMap(({ dataSet }) => (dataSet === undefined ? [] : [dataSet]))
    .filter((child) => child.elements.x0040a043?.items?.[0]?.dataSet?.string("x00080100") === concept);
}
