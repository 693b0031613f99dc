import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { scanlane } from "../support/cli.js";
import { directoryFile } from "../support/dicom-directory.js";
import { phantomSeries, phantomSlice } from "../support/phantom-series.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

it("tells in the published result, the report and the exit code that a DICOMDIR names files that are missing", async () => {
  const network = brightNetwork();
  const route = { format: "dicom", modality: "MR", model: "bright3d" };
  const models = await modelsFolderWith([{ manifest: brightManifest(network), network }], [route]);
  const present = [0, 1, 2, 3].map((k) => String(phantomSlice({}, k)["00080018"]?.Value?.[0]));
  const named = [...present, "1.2.3.4"].map((uid, k) => [uid, ["DICOM", `IM${k}`]] as const);
  const folder = await mkdtemp(join(tmpdir(), "dicomdir-"));
  const upload = join(folder, "upload.zip");
  await writeFile(upload, await zipOf([...phantomSeries(), { name: "DICOMDIR", bytes: directoryFile(named) }]));

  const run = await scanlane(["run", upload, "--models", models, "--out", join(folder, "out"), "--json"]);
  expect(run.code, run.stderr).toBe(3);
  const [outcome] = JSON.parse(run.stdout).outcomes;
  const words = "is a DICOMDIR that names 5 files, and 1 of them are not in the upload";
  for (const file of ["result.json", "report.json", "report.html"]) {
    const text = await readFile(join(outcome.folder, file), "utf8");
    expect(text, file).toContain("FileMissing");
    expect(text, file).toContain(words);
  }
});
