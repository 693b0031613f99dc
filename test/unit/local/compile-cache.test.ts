import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileCacheOf } from "#src/local/compile-cache.js";

describe("compileCacheOf", () => {
  it("names Node.js's own place, or the one that the user chose", () => {
    expect(compileCacheOf({ A: "1" })).toEqual({ A: "1", NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") });
    expect(compileCacheOf({ NODE_COMPILE_CACHE: "/mine" })).toEqual({ NODE_COMPILE_CACHE: "/mine" });
  });
});
