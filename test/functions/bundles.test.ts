import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { build, buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BUNDLING, bundleAssets, CODEC_BINARIES, FRAME_WORKER } from "#functions/bundling.js";
import { s3Store } from "#functions/runtime/s3-store.js";
import { scanIdOfObject } from "#src/core/ids.js";
import { readImage } from "#src/stages/volume-files.js";
import { STAGE_FILES, STAGES, workKeys } from "#src/storage/keys.js";
import { buildDicom } from "../support/dicom-builder.js";
import { flatJpegLossless } from "../support/flat-jpeg.js";
import { hasMoto, type MotoServer, startMoto } from "../support/moto-server.js";
import { phantomSeries, phantomSlice } from "../support/phantom-series.js";
import { recordedKey } from "../support/recorded-key.js";
import { brightManifest, brightNetwork, modelsFolderWith } from "../support/tiny-models.js";
import { zipOf } from "../support/zip-builder.js";

const REPO = fileURLToPath(new URL("../..", import.meta.url));
const LAMBDAS = [
  "intake",
  "inspect",
  "preprocess",
  "publish",
  "quarantine",
  "backfill",
  "announce",
  "queue-watch",
] as const;
const JOBS = STAGES;

/** A folder as bare as a Lambda's or the container's: the bundles, and ONNX Runtime for the container. */
const bare = mkdtempSync(join(tmpdir(), "bundles-"));

async function bundle(entry: string, name: string): Promise<void> {
  const { banner, external, conditions, ...options } = BUNDLING;
  await build({
    ...options,
    entryPoints: [join(REPO, "functions", entry)],
    outfile: join(bare, `${name}.mjs`),
    bundle: true,
    conditions: [...conditions],
    external: [...external],
    banner: { js: banner },
    logLevel: "error",
  });
}

/** Invokes a bundle's handler in a process of its own. */
function invoke(name: string, event: unknown, env: Record<string, string>) {
  const script = join(bare, "invoke.mjs");
  writeFileSync(
    script,
    `const { handler } = await import(${JSON.stringify(pathToFileURL(join(bare, `${name}.mjs`)).href)});
     try { console.log("RESULT " + JSON.stringify(await handler(JSON.parse(process.argv[2]), { getRemainingTimeInMillis: () => 300_000 }))); }
     catch (error) { console.log("ERROR " + error.name + " " + error.message); }`,
  );
  const child = spawnSync(process.execPath, [script, JSON.stringify(event)], {
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  const line = child.stdout.split("\n").find((text) => /^(RESULT|ERROR) /.test(text));
  return { line: line ?? child.stderr, output: child.stdout + child.stderr };
}

/** Says on the error stream which program each thread of a process is started with. */
const TELL_THREADS = `--import data:text/javascript,${encodeURIComponent(`
  import threads from "node:worker_threads";
  import { syncBuiltinESMExports } from "node:module";
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(file, options) {
      console.error("THREAD " + file);
      super(file, options);
    }
  };
  syncBuiltinESMExports();
`)}`;

/** A series of eight million pixels in JPEG lossless, slice k of value k: enough for two threads. */
function compressedSeries(): { name: string; bytes: Uint8Array }[] {
  const side = 1024;
  const stream = new Uint8Array(flatJpegLossless(side)).buffer;
  return Array.from({ length: 8 }, (_, k) => {
    const elements = phantomSlice({ size: [side, side, 8], seriesUid: "1.2.826.0.1.3680043.10.2" }, k);
    elements["00280103"] = { vr: "US", Value: [0] };
    elements["00281052"] = { vr: "DS", Value: [String(k - 32_768)] };
    elements["00281053"] = { vr: "DS", Value: ["1"] };
    elements["7FE00010"] = { vr: "OB", Value: [stream] };
    return { name: `${k}`, bytes: buildDicom(elements, "1.2.840.10008.1.2.4.70") };
  });
}

/** What a Lambda has of the model packages: routes and manifests, no weights (`copyManifests` in `infra/`). */
function manifestsOf(models: string): string {
  const out = mkdtempSync(join(tmpdir(), "manifests-"));
  cpSync(join(models, "routes.json"), join(out, "routes.json"));
  for (const entry of readdirSync(models, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    mkdirSync(join(out, entry.name));
    cpSync(join(models, entry.name, "manifest.json"), join(out, entry.name, "manifest.json"));
  }
  return out;
}

beforeAll(async () => {
  await Promise.all([
    ...LAMBDAS.map((name) => bundle(`${name}/handler.ts`, name)),
    ...JOBS.map((name) => bundle(`${name}/main.ts`, `${name}-job`)),
  ]);
}, 60_000);

describe("the bundles", () => {
  it("are of a size that starts fast, and no Lambda brings the network runtime", () => {
    for (const name of LAMBDAS) expect(statSync(join(bare, `${name}.mjs`)).size).toBeLessThan(4 * 2 ** 20);
    expect(readdirSync(bare).filter((name) => name.endsWith(".node"))).toEqual([]);
  });

  it.each(LAMBDAS)("load with nothing beside them, and say which variable is missing: %s", (name) => {
    const { output } = invoke(name, {}, { SCAN_BUCKET: "scan-bucket" });
    expect(output).toContain(`environment variable ${name === "queue-watch" ? "JOB_QUEUE" : "WORK_BUCKET"}`);
  });

  it("find the codecs of compressed images beside them, all of them in one process", async () => {
    const folder = mkdtempSync(join(tmpdir(), "codecs-"));
    for (const path of CODEC_BINARIES) cpSync(join(REPO, "node_modules", path), join(folder, basename(path)));
    const { banner, external, conditions, ...options } = BUNDLING;
    const contents = `
      import { COMPRESSED_SYNTAXES, frameDecoder } from "#src/formats/codecs/frame-decoder.js";
      import load from "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs";
      for (const syntax of COMPRESSED_SYNTAXES) await frameDecoder(syntax);
      await load({ print() {}, printErr() {} });
      console.log("loaded", COMPRESSED_SYNTAXES.size);`;
    await build({
      ...options,
      stdin: { contents, resolveDir: join(REPO, "functions") },
      outfile: join(folder, "all.mjs"),
      bundle: true,
      conditions: [...conditions],
      external: [...external],
      banner: { js: banner },
      logLevel: "error",
    });
    const child = spawnSync(process.execPath, [join(folder, "all.mjs")], { encoding: "utf8", cwd: folder });
    expect(child.stderr).toBe("");
    expect(child.stdout).toMatch(/^loaded 1[0-9]\n$/);
  });

  it("run networks in threads, whose program lies beside them", () => {
    const bundled = spawnSync(
      process.execPath,
      ["--conditions=development", "--import", "tsx", "functions/container/bundle.ts", join(bare, "container")],
      { cwd: REPO, encoding: "utf8" },
    );
    expect(bundled.stderr).toBe("");
    const network = join(bare, "container", "network.onnx");
    writeFileSync(network, brightNetwork());
    const script = join(bare, "container", "threads.mjs");
    const { banner, external, conditions, ...options } = BUNDLING;
    buildSync({
      ...options,
      stdin: {
        contents: `
          import { readFile } from "node:fs/promises";
          import { ortSessions } from "#src/inference/ort-session.js";
          const bytes = async () => readFile(${JSON.stringify(network)});
          const session = await ortSessions("cpu", { workers: 2 })({ bytes, sha256: "", inputName: "image", outputName: "logits" });
          const input = { data: Float32Array.of(1, 2), shape: [1, 1, 1, 1, 2] };
          const answers = await Promise.all([session.beside.run(input), session.beside.run(input)]);
          console.log(answers.map(({ data }) => data.join()).join(" "));
          await session.close();`,
        resolveDir: join(REPO, "functions"),
      },
      outfile: script,
      bundle: true,
      conditions: [...conditions],
      external: [...external],
      banner: { js: banner },
      logLevel: "error",
    });
    symlinkSync(join(REPO, "node_modules"), join(bare, "container", "node_modules"));
    const child = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect(child.stderr).toBe("");
    expect(child.stdout).toBe("0,0,-99,-98 0,0,-99,-98\n");
  }, 120_000);

  it("end a job that cannot begin with an exit code that is not tried again", () => {
    const child = spawnSync(process.execPath, [join(bare, "preprocess-job.mjs"), "key"], { encoding: "utf8" });
    expect(child.status).toBe(70);
    expect(child.stderr).toContain("environment variable");
  });

  describe.skipIf(!hasMoto)("on a real S3 server (needs moto_server)", () => {
    let moto: MotoServer;
    let env: Record<string, string>;
    let lambdaEnv: Record<string, string>;
    let client: S3Client;
    const names = { SCAN_BUCKET: "scans-bucket", WORK_BUCKET: "work-bucket", RESULT_BUCKET: "results-bucket" };

    beforeAll(async () => {
      moto = await startMoto();
      const keys = { accessKeyId: "test", secretAccessKey: "test" };
      client = new S3Client({ endpoint: moto.endpoint, region: "us-east-1", forcePathStyle: true, credentials: keys });
      for (const Bucket of Object.values(names)) await client.send(new CreateBucketCommand({ Bucket }));
      const network = brightNetwork();
      const models = await modelsFolderWith(
        [{ manifest: brightManifest(network), network }],
        [{ format: "dicom", modality: "MR", model: "bright3d" }],
      );
      env = {
        ...names,
        MODELS_DIR: models,
        PROVIDER: "cpu",
        AWS_ENDPOINT_URL_S3: moto.endpoint,
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
      };
      lambdaEnv = { ...env, MODELS_DIR: manifestsOf(models) };
      cpSync(join(REPO, "package.json"), join(bare, "package.json"));
      symlinkSync(join(REPO, "node_modules"), join(bare, "node_modules"));
      for (const command of bundleAssets(REPO.replace(/\/$/, ""), bare)) execFileSync("sh", ["-c", command]);
    }, 30_000);
    afterAll(() => {
      client?.destroy();
      moto?.close();
    });

    /** Puts an upload and its request where intake does. @returns id of the scan */
    async function upload(key: string, Body: Uint8Array): Promise<string> {
      const { ETag } = await client.send(new PutObjectCommand({ Bucket: names.SCAN_BUCKET, Key: key, Body }));
      const scanId = scanIdOfObject(names.SCAN_BUCKET, key, `${ETag} `);
      const source = {
        schemaVersion: 1,
        scanId,
        bucket: names.SCAN_BUCKET,
        objects: [{ key, version: `${ETag} `, size: Body.length }],
        request: { refine: "on", seg: "binary", outputs: [], share: "stat" },
      };
      const sourceJson = JSON.stringify(source);
      await client.send(
        new PutObjectCommand({ Bucket: names.WORK_BUCKET, Key: `${scanId}/source.json`, Body: sourceJson }),
      );
      return scanId;
    }

    it("take a scan from bucket to bucket, each stage in a process of its own", async () => {
      const scanId = await upload("ward/upload.zip", await zipOf(phantomSeries({})));
      const inspected = invoke("inspect", { scanId, attempt: 1 }, lambdaEnv);
      expect(inspected.line, inspected.output).toMatch(/^RESULT/);
      const { taskKey, identity } = JSON.parse(inspected.line.slice(7)).tasks[0];
      expect(invoke("preprocess", { taskKey }, lambdaEnv).line).toBe('RESULT {"stage":"preprocess","skipped":false}');
      for (const job of ["segment", "postprocess"]) {
        const child = spawnSync(process.execPath, [join(bare, `${job}-job.mjs`), taskKey], {
          env: { ...process.env, ...env },
        });
        expect(child.status, String(child.stderr)).toBe(0);
      }
      expect(invoke("publish", { taskKey }, lambdaEnv).line).toContain('"kind":"published"');
      expect(invoke("publish", { taskKey }, lambdaEnv).output).toContain("stage skipped");
      // A large result: a job does the work, and the function tells the outcome of it.
      const done = workKeys.done(identity, "publish");
      await client.send(new DeleteObjectCommand({ Bucket: names.WORK_BUCKET, Key: done }));
      const job = spawnSync(process.execPath, [join(bare, "publish-job.mjs"), taskKey], {
        env: { ...process.env, ...env },
      });
      expect(String(job.stdout)).toContain("stage done");
      expect(job.status, String(job.stderr)).toBe(0);
      const told = invoke("publish", { taskKey }, lambdaEnv);
      expect(told.line).toContain('"kind":"published"');
      expect(told.output).toContain("stage skipped");
      const result = await client.send(
        new GetObjectCommand({ Bucket: names.RESULT_BUCKET, Key: `${identity}/result.json` }),
      );
      expect(JSON.parse((await result.Body?.transformToString()) ?? "")).toMatchObject({ identity });

      const lost = spawnSync(process.execPath, [join(bare, "segment-job.mjs"), "no/task.json"], {
        env: { ...process.env, ...env },
      });
      expect(lost.status).toBe(65);
    }, 60_000);

    it.skipIf(availableParallelism() < 2)(
      "decode a compressed series on several threads (needs two cores)",
      async () => {
        const scanId = await upload("ward/compressed.zip", await zipOf(compressedSeries()));
        const inspected = invoke("inspect", { scanId, attempt: 1 }, lambdaEnv);
        expect(inspected.line, inspected.output).toMatch(/^RESULT/);
        const [task] = JSON.parse(inspected.line.slice(7)).tasks;
        const { taskKey } = task;
        const { line, output } = invoke("preprocess", { taskKey }, { ...lambdaEnv, NODE_OPTIONS: TELL_THREADS });
        expect(line, output).toBe('RESULT {"stage":"preprocess","skipped":false}');
        const program = join(bare, FRAME_WORKER.file);
        expect(output.match(/THREAD .*/g)).toEqual([`THREAD ${program}`, `THREAD ${program}`]);
        const work = s3Store({ client, bucket: names.WORK_BUCKET });
        const { data } = readImage(await work.get(await recordedKey(work, task, "preprocess", STAGE_FILES.image)));
        const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((z) => [data[z * 2 ** 20], data[(z + 1) * 2 ** 20 - 1]]);
        expect(corners).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((z) => [z, z]));
      },
      60_000,
    );
  });
});
