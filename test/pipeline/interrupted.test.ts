import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { digestsBelow, scanlane } from "../support/cli.js";
import { hippocampusLike } from "../support/hippocampus-like.js";
import { TIMED } from "../support/timed-files.js";

describe("a run that is killed", () => {
  it("continues where it was and ends in the same bytes", async () => {
    const folder = await mkdtemp(join(tmpdir(), "killed-"));
    const input = await hippocampusLike(join(folder, "scan.nii.gz"));
    const args = (out: string) => ["run", input, "--model", "hippocampus-unet3d", "--out", join(folder, out), "--json"];

    const whole = await scanlane(args("whole"));
    expect(whole.code, whole.stderr).toBeLessThanOrEqual(3);
    const expected = await digestsBelow(join(folder, "whole"), TIMED);

    // Two fixed points: the network has just begun, and everything is done but publishing.
    for (const [out, killWhen] of [
      ["early", "  Preprocess"],
      ["late", "  Postprocess"],
    ] as const) {
      const plain = args(out).filter((arg) => arg !== "--json");
      const killed = await scanlane(plain, { killWhen });
      expect(killed.signal).toBe("SIGKILL");
      const again = await scanlane(args(out));
      expect(again.code).toBe(whole.code);
      expect(await digestsBelow(join(folder, out), TIMED)).toEqual(expected);
    }
  });
});
