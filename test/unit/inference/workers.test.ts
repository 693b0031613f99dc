import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { digestOfTiledLogits } from "../../support/tiled-logits.js";

const program = fileURLToPath(new URL("../../support/tiled-logits.ts", import.meta.url));
const hasTaskset = spawnSync("taskset", ["--version"]).status === 0;
const inThisThread = await digestOfTiledLogits(1);

describe("a 3-D network in several tiles, mirrored, of two folds", () => {
  it.each([2, 3, 4])("gives the same bytes by %i workers", async (workers) => {
    expect(await digestOfTiledLogits(workers)).toBe(inThisThread);
  });

  it("would give others with another number of threads in a session, as this test would show", async () => {
    expect(await digestOfTiledLogits(1, 4)).not.toBe(inThisThread);
  });

  // On a machine with one core, as the process sees it.
  it.skipIf(!hasTaskset).each([1, 2])(
    "gives the same bytes on one core (taskset), by %i workers",
    (workers) => {
      const args = [
        "-c",
        "0",
        process.execPath,
        "--conditions=development",
        "--import",
        "tsx",
        program,
        String(workers),
      ];
      const { stdout, stderr } = spawnSync("taskset", args, { encoding: "utf8" });
      expect(stderr).toBe("");
      expect(stdout.trim()).toBe(inThisThread);
    },
    120_000,
  );
});
