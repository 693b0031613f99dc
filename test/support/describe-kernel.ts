import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** Whether the compiler is there that the kernels are compiled with. */
export const hasClang = ["clang-14", "wasm-ld-14"].every((program) => spawnSync(program, ["--version"]).status === 0);

/**
 * A WebAssembly kernel is what its source says (decision 0013).
 *
 * @param room folder with `kernel/kernel.c`, `kernel/build.sh` and `kernel-wasm.ts`
 * @param sha256 of the source, as it stands in `kernel-wasm.ts`
 */
export function describeKernel(room: string, sha256: string): void {
  describe(`${room}/kernel/kernel.c`, () => {
    it("is what the binary was compiled from", () => {
      const source = readFileSync(join(room, "kernel/kernel.c"));
      expect(createHash("sha256").update(source).digest("hex")).toBe(sha256);
    });

    it.skipIf(!hasClang)(
      "compiles to the same bytes again (needs clang 14 and lld 14)",
      () => {
        const out = join(mkdtempSync(join(tmpdir(), "kernel-")), "kernel-wasm.ts");
        execFileSync("sh", [join(room, "kernel/build.sh"), out]);
        const binaryIn = (path: string) => readFileSync(path, "utf8").match(/"[A-Za-z0-9+/=]{1000,}"/)?.[0];
        expect(binaryIn(out)).toBeDefined();
        expect(binaryIn(out)).toBe(binaryIn(join(room, "kernel-wasm.ts")));
      },
      60_000,
    );
  });
}
