import { cp } from "node:fs/promises";
import { basename, join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { STAGES } from "#src/storage/keys.js";
import { BUNDLING, CODEC_BINARIES, FRAME_WORKER } from "../bundling.js";

// Bundles the container's programs into the folder that is named as the first argument.

const { banner, conditions, external, ...options } = BUNDLING;
const main = (stage: string) => fileURLToPath(new URL(`../${stage}/main.ts`, import.meta.url));
const frameWorker = fileURLToPath(new URL(`../../${FRAME_WORKER.entry}`, import.meta.url));
const thread = fileURLToPath(new URL("../../src/inference/network-thread.ts", import.meta.url));

const outdir = process.argv[2] ?? "dist/container";
await build({
  ...options,
  entryPoints: [
    ...STAGES.map((stage) => ({ in: main(stage), out: stage })),
    // Started in threads of their own, by their names beside the programs.
    { in: frameWorker, out: parse(FRAME_WORKER.file).name },
    { in: thread, out: "network-thread" },
  ],
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  conditions: [...conditions],
  external: [...external],
  banner: { js: banner },
  sourcemap: true,
  logLevel: "warning",
});
for (const path of CODEC_BINARIES) {
  await cp(fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url)), join(outdir, basename(path)));
}
