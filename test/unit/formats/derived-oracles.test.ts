import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { pseudonymsOf } from "#src/core/pseudonyms.js";
import { deidentifiedSource } from "#src/formats/confidentiality-profile.js";
import { writeRtStruct } from "#src/formats/rtstruct-write.js";
import { writeSeg } from "#src/formats/seg-write.js";
import { writeMeasurementReport } from "#src/formats/sr-write.js";
import { enhancedFile } from "../../support/dicom-shapes.js";
import { phantomSeries, uploadOf } from "../../support/phantom-series.js";
import { reportOptions } from "../../support/report-phantom.js";
import { combOptions, segOptions } from "../../support/seg-phantom.js";

/** David Clunie's validator: Debian's dicom3tools. */
const VALIDATOR = "dciodvfy";
/** A Python with highdicom and pydicom: `PYTHON=… npm test`. */
const python = process.env.PYTHON ?? "python3";
const hasDciodvfy = starts(VALIDATOR, ["-version"]);
const hasDrtdump = starts("drtdump", ["--version"], 0);
const hasHighdicom = starts(python, ["-c", "import highdicom, pydicom"], 0);

const UPLOADS = {
  axial: () => uploadOf(phantomSeries()),
  oblique: () => uploadOf(phantomSeries({ plane: "oblique" })),
  enhanced: () => uploadOf([{ name: "x", bytes: enhancedFile({}, [{ k: 3 }, { k: 0 }, { k: 2 }, { k: 1 }]) }]),
} as const;

describe.each(Object.keys(UPLOADS) as (keyof typeof UPLOADS)[])("objects of the %s phantom", (upload) => {
  it.skipIf(!hasDciodvfy)("has no error in its structure set (needs dciodvfy)", async () => {
    expect(dciodvfy(writeRtStruct(await segOptions(UPLOADS[upload]())))).toEqual(["RTStructureSet"]);
  });

  it.skipIf(!hasDciodvfy)("has no error in its report (needs dciodvfy)", async () => {
    expect(dciodvfy(writeMeasurementReport(await reportOptions(UPLOADS[upload]())))).toEqual(["Comprehensive3DSR"]);
  });
});

describe("an outline longer than a decimal string of explicit VR", () => {
  it.skipIf(!hasDciodvfy)("has no error (needs dciodvfy)", async () => {
    expect(dciodvfy(writeRtStruct(await combOptions()))).toEqual(["RTStructureSet"]);
  });

  it.skipIf(!hasDrtdump)("is known to DCMTK for one (needs drtdump)", async () => {
    // What it finds missing it says on standard error, and goes on.
    const dump = inFolder([writeRtStruct(await combOptions())], ([file = ""]) =>
      execFileSync("sh", ["-c", 'drtdump "$1" 2>&1', "sh", file], { encoding: "utf8" }),
    );
    expect(dump).toContain("RT Structure Set object");
    expect(dump).not.toMatch(/^[WE]: /m);
  });

  it.skipIf(!hasHighdicom)("is read by pydicom (needs highdicom)", async () => {
    const report = writeMeasurementReport(await reportOptions(UPLOADS.oblique(), [1 / 3, 0]));
    const script = fileURLToPath(new URL("../../support/read-derived.py", import.meta.url));
    const output = inFolder([report, writeRtStruct(await combOptions())], (paths) =>
      execFileSync(python, [script, ...paths], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }),
    );
    const [, comb] = JSON.parse(output).rois;
    expect(comb.points).toHaveLength(1);
    expect(comb.points[0]).toBeGreaterThan(4000);
  });
});

describe("highdicom and pydicom", () => {
  it.skipIf(!hasHighdicom)("read the volumes and the contours (needs highdicom)", async () => {
    const report = writeMeasurementReport(await reportOptions(UPLOADS.oblique(), [1 / 3, 0]));
    const structureSet = writeRtStruct(await segOptions(UPLOADS.oblique()));
    const script = fileURLToPath(new URL("../../support/read-derived.py", import.meta.url));
    const output = inFolder([report, structureSet], (paths) =>
      execFileSync(python, [script, ...paths], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }),
    );
    expect(JSON.parse(output)).toEqual({
      volumes: [
        { segment: 1, volumeMm3: 1 / 3, unit: "mm3", finding: "3740002", tracking: "hippocampus" },
        { segment: 2, volumeMm3: 0, unit: "mm3", finding: "12738006", tracking: "brain" },
      ],
      rois: [
        { name: "Left hippocampus", points: [4] },
        { name: "Brain", points: [4, 4, 4] },
      ],
    });
  });
});

describe("de-identified objects", () => {
  /** The three of one result, without what identifies their source. */
  async function objects(): Promise<Record<"SEG" | "RTSTRUCT" | "SR", Uint8Array>> {
    const upload = UPLOADS.oblique();
    const [seg, report] = await Promise.all([segOptions(upload), reportOptions(upload, [1 / 3, 0])]);
    const { source } = deidentifiedSource(seg.source, pseudonymsOf(new Uint8Array(32).fill(1)));
    return {
      SEG: writeSeg({ ...seg, source }),
      RTSTRUCT: writeRtStruct({ ...seg, source }),
      SR: writeMeasurementReport({ ...report, source }),
    };
  }

  it.skipIf(!hasDciodvfy)("have no error, and miss but what the profile takes (needs dciodvfy)", async () => {
    for (const bytes of Object.values(await objects())) {
      const lines = dciodvfy(bytes).slice(0, -1);
      // Study Date, Study Time and Study ID are of zero length, which is allowed but in a directory of media.
      expect(
        lines.filter((line) => !/^Warning .*(StudyDate|StudyTime|StudyID).* to build DICOMDIR$/.test(line)),
      ).toEqual([]);
    }
  });

  it.skipIf(!hasHighdicom)(
    "are read by highdicom and pydicom (needs highdicom)",
    async () => {
      const { SEG, RTSTRUCT, SR } = await objects();
      const script = (name: string) => fileURLToPath(new URL(`../../support/${name}`, import.meta.url));
      const read = (name: string, files: readonly Uint8Array[]) =>
        inFolder(files, (paths) =>
          JSON.parse(
            execFileSync(python, [script(name), ...paths], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }),
          ),
        );
      const [seg] = read("read-seg.py", [SEG]);
      expect(seg.segments.map(({ label }: { label: string }) => label)).toEqual(["Left hippocampus", "Brain"]);
      const { volumes, rois } = read("read-derived.py", [SR, RTSTRUCT]);
      expect(volumes.map(({ volumeMm3 }: { volumeMm3: number }) => volumeMm3)).toEqual([1 / 3, 0]);
      expect(rois.map(({ points }: { points: number[] }) => points)).toEqual([[4], [4, 4, 4]]);
    },
    120_000,
  );
});

/** What it says: errors, warnings and, last, what it took the object for. */
function dciodvfy(bytes: Uint8Array): string[] {
  return inFolder([bytes], ([file = ""]) => {
    const output = execFileSync("sh", ["-c", '"$0" -new "$1" 2>&1 || true', VALIDATOR, file], { encoding: "utf8" });
    return output.split("\n").filter((line) => line !== "");
  });
}

function inFolder<T>(files: readonly Uint8Array[], use: (paths: readonly string[]) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "derived-"));
  try {
    const paths = files.map((bytes, n) => {
      const path = join(folder, `${n}.dcm`);
      writeFileSync(path, bytes);
      return path;
    });
    return use(paths);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whether the program is there and, where a status is named, ends with it. */
function starts(program: string, args: readonly string[], status?: number): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch (error) {
    return status === undefined && !(error instanceof Error && "code" in error && error.code === "ENOENT");
  }
}
