/**
 * How esbuild makes a Lambda or a program of the container out of its entry file: one ES module for Node 22, from the
 * TypeScript sources. Read by `infra/`, by the container's build and by tests.
 */
export const BUNDLING = {
  format: "esm",
  target: "node22",
  platform: "node",
  conditions: ["development"],
  /**
   * CommonJS packages inside an ES module call `require` and look beside `__dirname`, which Node gives no such module.
   */
  banner:
    'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url); const __dirname = import.meta.dirname; const __filename = import.meta.filename;',
  /** Has native code beside it, so it stays a package of its own; only Segment uses it. */
  external: ["onnxruntime-node"],
} as const;

/** WebAssembly of the image codecs, below node_modules: each bundle that reads images looks for them beside itself. */
export const CODEC_BINARIES = [
  "@cornerstonejs/codec-charls/dist/charlswasm_decode.wasm",
  "@cornerstonejs/codec-libjpeg-turbo-8bit/dist/libjpegturbowasm_decode.wasm",
  "@cornerstonejs/codec-openjpeg/dist/openjpegwasm_decode.wasm",
  "@cornerstonejs/codec-openjph/dist/openjphjs.wasm",
] as const;

/** Program of the threads that decode frames, below the repository: each bundle looks for it beside itself. */
export const FRAME_WORKER = { entry: "src/formats/codecs/frame-worker.ts", file: "frame-worker.mjs" } as const;

/**
 * Shell commands that put beside a function's bundle what it looks for there: codecs and the program of the threads
 * that decode by them, routes and manifests. A function decodes images, chooses models and reads plans, but never runs
 * a network.
 *
 * @param from the repository
 * @param to the folder of the bundle
 * @param models ids of the packages whose manifests and measured costs go with it; null: of all
 */
export function bundleAssets(from: string, to: string, models: readonly string[] | null = null): string[] {
  const { format, platform, target, conditions, banner } = BUNDLING;
  const flags = [
    `--format=${format}`,
    `--platform=${platform}`,
    `--target=${target}`,
    `--conditions=${conditions.join(",")}`,
    `--banner:js='${banner}'`,
    "--log-level=warning",
  ].join(" ");
  const worker = `${from}/${FRAME_WORKER.entry}`;
  const described = (models ?? ["*"])
    .flatMap((id) => ["manifest", "cost"].map((name) => `${from}/models/${id}/${name}.json`))
    .join(" ");
  return [
    ...CODEC_BINARIES.map((path) => `cp ${from}/node_modules/${path} ${to}/`),
    `${from}/node_modules/.bin/esbuild ${worker} --bundle --minify ${flags} --outfile=${to}/${FRAME_WORKER.file}`,
    `mkdir -p ${to}/models`,
    `cp ${from}/models/routes.json ${to}/models/`,
    `for m in ${described}; do d=${to}/models/$(basename $(dirname $m)); if [ -e $m ]; then mkdir -p $d && cp $m $d/; fi; done`,
  ];
}
