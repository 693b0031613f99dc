import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { ERROR_CLASSES } from "#src/core/errors.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import { niftiChannel, readNifti } from "#src/formats/nifti-read.js";
import { measureNetwork } from "#src/inference/measure-network.js";
import { modelSessions } from "#src/inference/model-sessions.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { runGolden } from "#src/inference/run-golden.js";
import { SessionPool } from "#src/inference/session-pool.js";
import { isClassical, isNetwork } from "#src/model/classical-manifest.js";
import type { ModelManifest } from "#src/model/manifest.js";
import type { MeasuredCost } from "#src/model/measured-cost.js";
import { folderModels, type ModelLibrary, type ModelPackage } from "#src/model/model-library.js";
import { EXIT } from "./exit-codes.js";
import { modelsFolder } from "./models-folder.js";
import { writeWhole } from "./write-whole.js";

/**
 * `scanlane verify`: compares the digests of a model's files with its manifest, runs its golden case and reports how
 * far it is from the reference. Asked to measure, it writes what a run of the network costs to `cost.json`, by which runs
 * are planned.
 *
 * @returns 0, or the exit code of a bad model
 * @throws {PipelineError} `ModelUnknown`, `ModelInvalid`, `ModelDigestMismatch`
 */
export async function verify(
  id: string,
  flags: { readonly models?: string; readonly json?: boolean; readonly measure?: boolean; readonly golden?: boolean },
): Promise<number> {
  const library = folderModels(modelsFolder(flags.models));
  const model = await library.open(id);
  const { manifest, folder } = model;
  if (isClassical(manifest)) {
    console.log(flags.json ? JSON.stringify({ id, golden: null }) : `${id}: a classical method, no files to compare`);
    return EXIT.ok;
  }
  if (flags.measure && isNetwork(manifest)) await measure(model, manifest, library);
  if (flags.golden === false) {
    if (isNetwork(manifest))
      for (const one of [manifest.network, ...manifest.network.folds]) await library.network(model, one);
    console.log(flags.json ? JSON.stringify({ id, golden: null }) : `${id}: digests agree; golden: not run`);
    return EXIT.ok;
  }
  const input = readNifti(await readFile(join(folder, manifest.golden.input)));
  const expected = readNifti(await readFile(join(folder, manifest.golden.labels)));
  const channels = manifest.channels.map((_, n) => Float32Array.from(niftiChannel(input, n).data));
  const pool = new SessionPool(ortSessions("cpu"));
  try {
    const sessionsOf = modelSessions(pool, library);
    const golden = await runGolden(model, manifest, sessionsOf, channels, input, expected.data);
    if (flags.json) console.log(JSON.stringify({ id, golden }));
    else {
      const share = `${golden.differing} of ${golden.voxels} voxels differ from the reference`;
      console.log(`${id}: digests agree; golden: ${share} (allowed: ${golden.tolerance * 100} %)`);
      if (!golden.passed) console.log(`  expected difference: ${manifest.golden.reason}`);
    }
    return golden.passed ? EXIT.ok : ERROR_CLASSES.model.exitCode;
  } finally {
    await pool.close();
  }
}

/** First of all, while the process holds nothing else. Not of models that it asks: they have their own. */
async function measure(model: ModelPackage, manifest: ModelManifest, library: ModelLibrary): Promise<void> {
  const cost: MeasuredCost = {
    schemaVersion: SCHEMA_VERSION,
    ...(await measureNetwork(manifest, await library.network(model), ortSessions("cpu"))),
    machine: `${cpus()[0]?.model ?? "unknown"}, ${process.platform}-${process.arch}, Node.js ${process.version}`,
  };
  await writeWhole(join(model.folder, "cost.json"), `${JSON.stringify(cost, null, 2)}\n`);
}
