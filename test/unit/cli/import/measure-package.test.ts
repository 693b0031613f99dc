import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { measurePackage } from "#src/cli/import/measure-package.js";

function program(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "measure-")), "program.mjs");
  writeFileSync(path, text);
  return path;
}

describe("measurePackage", () => {
  afterEach(() => void vi.restoreAllMocks());

  it("says so where the network cannot be measured, and leaves it at that", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    await measurePackage("/models/one", new AbortController().signal, program("process.exitCode = 65;"));
    expect(log.mock.calls.flat().join()).toContain("could not be measured");
  });

  it.each(["SIGINT", "SIGTERM"])("does not go on when it is interrupted by %s", async (signal) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const interrupted = program(`process.kill(process.pid, "${signal}"); setTimeout(() => {}, 10_000);`);
    await expect(measurePackage("/models/one", new AbortController().signal, interrupted)).rejects.toMatchObject({
      signal,
    });
    expect(log).not.toHaveBeenCalled();
  });
});
