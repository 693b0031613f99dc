// npx tsx test/support/build-pixel-kernels.ts: builds pixel-kernels.c with clang 14 and lld 14, and keeps it in base64.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const SOURCES = join(import.meta.dirname, "../../src/formats/codecs");
const FLAGS =
  "--target=wasm32 -nostdlib -O3 -msimd128 -fno-builtin -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=4096";

/** @throws where clang or its WebAssembly linker is missing */
export function buildPixelKernels(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "pixel-kernels-"));
  try {
    const out = join(folder, "kernels.wasm");
    execFileSync(process.env.CLANG ?? "clang-14", [...FLAGS.split(" "), "-o", out, join(SOURCES, "pixel-kernels.c")], {
      stdio: "pipe",
    });
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const lines =
    buildPixelKernels()
      .toString("base64")
      .match(/.{1,112}/g) ?? [];
  const text = `// pixel-kernels.c, built by test/support/build-pixel-kernels.ts.\n\n/** WebAssembly, in base64. */\nexport const PIXEL_KERNELS = \`\n${lines.join("\n")}\n\`;\n`;
  writeFileSync(join(SOURCES, "pixel-kernels-wasm.ts"), text);
}
