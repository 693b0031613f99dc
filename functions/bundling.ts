/**
 * How esbuild makes a Lambda or a program of the container out of its entry file: one ES module for Node 22, from the
 * TypeScript sources. Plain data, read by `infra/`, by the container's build and by a test.
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
