import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { elementsOf } from "#src/formats/dicom-elements.js";
import { writeNifti } from "#src/formats/nifti-write.js";
import { UidMap } from "#src/workflow/contract.js";
import { digestsBelow, scanlane } from "../support/cli.js";
import { buildDicom } from "../support/dicom-builder.js";
import { findLeaks } from "../support/find-leaks.js";
import { phantomSlice } from "../support/phantom-series.js";
import { PLANTED_UIDS, plantEverything } from "../support/plant-everything.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

const size = [12, 10, 5] as const;
const [NAME, FOLDER] = ["LEAKFILE", "LEAKFOLDER"];
const planted = plantEverything();
const network = brightNetwork();
const OUTPUTS = ["rtstruct", "sr", "probabilities", "glb", "stl", "uncertainty"];

let models: string;
let upload: string;
let scratch: string;

beforeAll(async () => {
  models = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
  scratch = await mkdtemp(join(tmpdir(), "deidentify-"));
  upload = join(scratch, `${FOLDER}.zip`);
  const files = Array.from({ length: size[2] }, (_, k) => ({
    name: `${FOLDER}/${NAME}-${k}.dcm`,
    bytes: buildDicom(phantomSlice({ size, edit: planted.edit }, k)),
  }));
  await writeFile(upload, await zipOf(files));
}, 60_000);

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly vault: string;
  /** Of the one result. */
  readonly folder: string;
  readonly said: string;
}

/** @param secret hex digit that the secret is made of; null for none of its own */
async function run(name: string, secret: string | null, more: readonly string[], path = upload): Promise<Ran> {
  const [out, vault] = [join(scratch, name), join(scratch, `${name}-vault`)];
  if (secret !== null) {
    await mkdir(vault, { mode: 0o700 });
    await writeFile(join(vault, "secret"), secret.repeat(64), { mode: 0o600 });
  }
  const args = ["--models", models, "--model", "bright3d", "--out", out, "--deid-dir", vault, "--json", ...more];
  const { code, stdout, stderr } = await scanlane(["run", path, ...args]);
  const [folder = ""] = (await readdir(out)).filter((one) => one.startsWith("r-"));
  return { code, out, vault, folder: join(out, folder), said: stdout + stderr };
}

const objects = ["seg.dcm", "sr.dcm", "rtstruct.dcm"] as const;

async function valuesOf(folder: string, file: string, tag: string): Promise<string[]> {
  return [...elementsOf(await readFile(join(folder, file)))].filter((one) => one.tag === tag).map(({ text }) => text);
}

// Thousands of strings are looked for in every file.
const LONG = { timeout: 120_000 };

describe("a series with a string of its own in every attribute", LONG, () => {
  let open: Ran;
  let closed: Ran;
  let map: UidMap;

  beforeAll(async () => {
    open = await run("open", null, ["--outputs", ...OUTPUTS]);
    closed = await run("closed", "a", ["--deidentify", "--outputs", ...OUTPUTS]);
    const [file = ""] = await readdir(join(closed.vault, "maps"));
    map = UidMap.parse(JSON.parse(await readFile(join(closed.vault, "maps", file), "utf8")));
  }, 120_000);

  it("leaves some of them in outputs that nobody asked to de-identify: the search finds what is there", async () => {
    expect(open.code).toBeLessThanOrEqual(3);
    const leaks = await findLeaks(open.folder, [...planted.texts, PLANTED_UIDS]);
    for (const object of objects) expect(leaks).toContain(`${object}: ${PLANTED_UIDS}`);
    expect(leaks.length).toBeGreaterThan(20);
    expect(await findLeaks(open.out, [NAME, FOLDER])).not.toEqual([]);
  });

  it("leaves none in any byte of what is published, in the table of runs, or in what the command says", async () => {
    expect(closed.code).toBeLessThanOrEqual(3);
    expect((await readdir(closed.folder)).sort()).toEqual((await readdir(open.folder)).sort());
    const needles = [...planted.texts, PLANTED_UIDS, "LEAK", "Phantom^Head", "20200102", "20200103", NAME, FOLDER];
    expect(needles.length).toBeGreaterThan(4_000);
    expect(await findLeaks(closed.out, needles)).toEqual([]);
    for (const needle of needles) expect(closed.said).not.toContain(needle);
  });

  it("has no id there that the original UIDs, or the same run without a secret, would give", async () => {
    const { outcomes } = JSON.parse(open.said.slice(open.said.indexOf("{")).split("\n")[0] ?? "");
    const derived = await Promise.all(objects.map((object) => valuesOf(open.folder, object, "00080018")));
    const tracking = await valuesOf(open.folder, "seg.dcm", "00620021");
    const needles = [outcomes[0].result.identity, map.taskIdentity, ...derived.flat(), ...tracking];
    expect(needles.every((needle) => needle.length > 20)).toBe(true);
    expect(await findLeaks(closed.out, needles)).toEqual([]);
    // Of the scan's id, a hash of the upload, nothing is handed on with a result.
    const scanIds = await readdir(join(closed.out, "index"));
    expect(await findLeaks(closed.folder, scanIds)).toEqual([]);
  });

  it("keeps study, frame of reference, patient and references together in all objects", async () => {
    for (const tag of ["0020000D", "00100020", "00100010"]) {
      const values = await Promise.all(objects.map((object) => valuesOf(closed.folder, object, tag)));
      expect(new Set(values.flat()).size).toBe(1);
      expect(values.every((one) => one.length > 0)).toBe(true);
    }
    const [seg = ""] = await valuesOf(closed.folder, "seg.dcm", "00080018");
    expect(await valuesOf(closed.folder, "sr.dcm", "00081155")).toContain(seg);
    const frames = [...(await valuesOf(closed.folder, "seg.dcm", "00200052"))];
    expect(await valuesOf(closed.folder, "rtstruct.dcm", "00200052")).toEqual([...frames, ...frames]);
    const renamed = new Set(Object.values(map.uids));
    for (const object of ["seg.dcm", "rtstruct.dcm"]) {
      const referred = await valuesOf(closed.folder, object, "00081155");
      expect(referred.length).toBeGreaterThanOrEqual(size[2]);
      expect(referred.filter((uid) => !renamed.has(uid))).toEqual([]);
    }
  });

  it("says by which profile, and that no date is left", async () => {
    for (const object of objects) {
      expect(await valuesOf(closed.folder, object, "00120062")).toEqual(["YES"]);
      expect(await valuesOf(closed.folder, object, "00280303")).toEqual(["REMOVED"]);
      const codes = await valuesOf(closed.folder, object, "00080100");
      expect(codes).toContain("113100");
    }
    expect(JSON.parse(await readFile(join(closed.folder, "result.json"), "utf8")).deidentified).toBe("basic");
    expect(await readFile(join(closed.folder, "report.html"), "utf8")).toContain("De-identified by the Basic");
  });

  it("has the way back in a folder of its own: every UID of the source, and which upload it was", async () => {
    const series = `${PLANTED_UIDS}.10.1`;
    const instances = Array.from({ length: size[2] }, (_, k) => `${series}.${((k * 7) % size[2]) + 1}.${k + 1}`);
    const study = [`${PLANTED_UIDS}.10`, `${PLANTED_UIDS}.10.9`, series];
    expect(Object.keys(map.uids).sort()).toEqual([...study, ...instances].sort());
    for (const uid of Object.values(map.uids)) expect(uid).toMatch(/^2\.25\.\d{1,39}$/);
    expect(closed.folder.endsWith(map.identity)).toBe(true);
    expect(await findLeaks(join(closed.vault, "scans"), [FOLDER])).not.toEqual([]);
    for (const path of [".", "secret", "maps", "scans", "work"]) {
      expect(((await stat(join(closed.vault, path))).mode & 0o077).toString(8)).toBe("0");
    }
  });

  it("keeps intermediate files, which hold the headers, out of the results", async () => {
    expect(await readdir(closed.out)).not.toContain(".work");
    expect(await findLeaks(join(closed.vault, "work"), [PLANTED_UIDS])).not.toEqual([]);
  });

  it("gives the same bytes on another day, and other names with another secret", async () => {
    const again = await run("again", "a", ["--deidentify", "--outputs", ...OUTPUTS]);
    const leaveOut = /run\.json$|report\.html$/;
    const digests = await digestsBelow(closed.folder, leaveOut);
    expect(await digestsBelow(again.folder, leaveOut)).toEqual(digests);
    const other = await run("other", "b", ["--deidentify", "--outputs", ...OUTPUTS]);
    const [mine, theirs] = await Promise.all(
      [closed, other].map(async ({ folder }) =>
        (await Promise.all(objects.map((object) => valuesOf(folder, object, "00081155")))).flat(),
      ),
    );
    expect(theirs).toHaveLength(mine?.length ?? 0);
    expect(theirs?.filter((uid) => mine?.includes(uid))).toEqual([]);
    expect(other.folder).not.toContain(map.identity);
    // Numbers are the same whoever it is.
    expect((await digestsBelow(other.folder, leaveOut))["labels.nii.gz"]).toBe(digests["labels.nii.gz"]);
  }, 120_000);

  it("is published again under new names where the secret was changed, though everything was done before", async () => {
    await writeFile(join(closed.vault, "secret"), "c".repeat(64), { mode: 0o600 });
    const args = ["--models", models, "--model", "bright3d", "--out", closed.out, "--deid-dir", closed.vault];
    const { code } = await scanlane(["run", upload, ...args, "--deidentify", "--outputs", ...OUTPUTS]);
    expect(code).toBeLessThanOrEqual(3);
    expect((await readdir(closed.out)).filter((name) => name.startsWith("r-"))).toHaveLength(2);
    expect(await readdir(join(closed.vault, "maps"))).toHaveLength(2);
  }, 120_000);
});

/** A volume with text where converters write a name: descrip, aux_file, intent_name, db_name. */
function volumeWithNames(dark: number): Uint8Array {
  const data = Float32Array.from({ length: 6 * 5 * 4 }, (_, i) => (i % 7 === 0 ? 200 : dark));
  const affineRas = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0] as const;
  const file = writeNifti({ size: [6, 5, 4], affineRas, spacingMm: [1, 1, 1], data });
  for (const at of [14, 148, 228, 328]) file.set(new TextEncoder().encode("LEAKHEAD"), at);
  return file;
}

describe("an operator of de-identified scans", () => {
  it("finds one whose intermediate files lie apart, tries it again, and removes all of it", async () => {
    const own = await modelsFolderWith([{ manifest: brightManifest(network), network }]);
    const path = join(scratch, `${NAME}-asked-again.nii`);
    await writeFile(path, volumeWithNames(5));
    const [out, vault] = [join(scratch, "operated"), join(scratch, "operated-vault")];
    const places = ["--out", out, "--deid-dir", vault];
    // No rule names a model for it.
    const failed = await scanlane(["run", path, "--models", own, ...places, "--deidentify", "--json"]);
    const { scanId } = JSON.parse(failed.stdout);
    expect((await scanlane(["status", scanId, ...places])).stdout).toContain("another attempt: scanlane quarantine");
    const routes = [{ format: "nifti", model: "bright3d" }];
    await writeFile(join(own, "routes.json"), JSON.stringify({ schemaVersion: 1, routes }));
    const retried = await scanlane(["quarantine", "retry", scanId, "--models", own, ...places]);
    expect(retried.code, retried.stdout + retried.stderr).toBeLessThanOrEqual(3);
    const status = JSON.parse((await scanlane(["status", scanId, "--json", ...places])).stdout);
    const [folder = ""] = (await readdir(out)).filter((one) => one.startsWith("r-"));
    expect(status).toMatchObject({ state: "published", attempt: 2, tasks: [{ identity: folder, reached: "publish" }] });
    expect((await readdir(vault)).sort()).toEqual(["maps", "scans", "secret", "work"]);

    const deleted = await scanlane(["delete", scanId, "--yes", ...places]);
    expect([deleted.code, deleted.stdout]).toEqual([0, expect.stringContaining("2 UID maps and records")]);
    expect((await readdir(vault, { recursive: true })).sort()).toEqual(["secret", "work"]);
    expect((await readdir(out)).sort()).toEqual(["index.jsonl", "results.csv"]);
  }, 120_000);
});

describe("de-identification asked for otherwise", () => {
  it("by scan.json: of a folder, and of one that is set aside too", async () => {
    const folder = join(scratch, `${FOLDER}-asked`);
    await mkdir(folder);
    await writeFile(join(folder, "scan.json"), JSON.stringify({ deidentify: "basic" }));
    await writeFile(join(folder, `${NAME}.nii`), "no image at all");
    const { code, out } = await run("asked", "a", [], folder);
    expect(code).toBe(65);
    expect(await findLeaks(out, [NAME, FOLDER])).toEqual([]);
    expect(await findLeaks(out, ["InputUnreadable"])).not.toEqual([]);
  }, 120_000);

  it("by a route: also where the model is named, and of a volume without a header that identifies", async () => {
    const own = await modelsFolderWith(
      [{ manifest: brightManifest(network), network }],
      [{ format: "nifti", model: "bright3d", deidentify: "basic" }],
    );
    const pictures: string[][] = [];
    for (const [model, dark] of [
      [[], 0],
      [["--model", "bright3d"], 37],
    ] as const) {
      const path = join(scratch, `${NAME}.nii`);
      await writeFile(path, volumeWithNames(dark));
      const [out, vault] = [join(scratch, `routed-${dark}`), join(scratch, `routed-${dark}-vault`)];
      const { code } = await scanlane(["run", path, "--models", own, "--out", out, "--deid-dir", vault, ...model]);
      expect(code).toBeLessThanOrEqual(3);
      expect(await findLeaks(out, [NAME, "LEAKHEAD"])).toEqual([]);
      expect(await readdir(join(vault, "maps"))).toHaveLength(1);
      const [folder = ""] = (await readdir(out)).filter((one) => one.startsWith("r-"));
      const html = await readFile(join(out, folder, "report.html"), "utf8");
      expect(html).toContain("names may be burned into the image");
      pictures.push(html.match(/data:image\/png;base64,[^"]+/g) ?? []);
    }
    // Two images with the same structures: the pictures show nothing of the image.
    expect(pictures[0]?.length).toBeGreaterThan(0);
    expect(pictures[0]).toEqual(pictures[1]);
  }, 120_000);

  it("is refused where the folder of secrets lies inside the results, or others may enter it", async () => {
    const inside = await scanlane(["run", upload, "--deidentify", "--out", scratch, "--deid-dir", join(scratch, "v")]);
    expect(inside.code).toBe(65);
    expect(inside.stderr).toContain("--deid-dir");
    const open = join(scratch, "open-vault");
    await mkdir(open, { mode: 0o755 });
    const args = ["--models", models, "--model", "bright3d", "--out", join(scratch, "refused"), "--deid-dir", open];
    const entered = await scanlane(["run", upload, "--deidentify", ...args]);
    expect(entered.code).toBe(78);
    expect(entered.stdout).toContain("expected 0700");
  }, 120_000);
});
