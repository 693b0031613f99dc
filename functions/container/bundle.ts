import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { BUNDLING } from "../bundling.js";

// Bundles the container's programs into the folder that is named as the first argument.

const { banner, conditions, external, ...options } = BUNDLING;
const main = (stage: string) => fileURLToPath(new URL(`../${stage}/main.ts`, import.meta.url));

await build({
  ...options,
  entryPoints: ["preprocess", "segment", "postprocess"].map((stage) => ({ in: main(stage), out: stage })),
  outdir: process.argv[2] ?? "dist/container",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  conditions: [...conditions],
  external: [...external],
  banner: { js: banner },
  sourcemap: true,
  logLevel: "warning",
});
