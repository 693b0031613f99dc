import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { digestsBelow, scanlane } from "../support/cli.js";
import { hippocampusLike } from "../support/hippocampus-like.js";
import { TIMED } from "../support/timed-files.js";

it("gives the same bytes after ten kills at random moments", async () => {
  const folder = await mkdtemp(join(tmpdir(), "ten-kills-"));
  const input = await hippocampusLike(join(folder, "scan.nii.gz"));
  const args = (out: string) => ["run", input, "--model", "hippocampus-unet3d", "--out", join(folder, out), "--json"];
  const started = performance.now();
  const whole = await scanlane(args("whole"));
  const wholeMs = performance.now() - started;
  const expected = await digestsBelow(join(folder, "whole"), TIMED);
  expect(Object.keys(expected).some((name) => name.endsWith("labels.nii.gz"))).toBe(true);

  let killed = 0;
  for (let n = 0; n < 10; n++) {
    const out = `out-${n}`;
    const first = await scanlane(args(out), { killAfterMs: Math.random() * wholeMs });
    if (first.signal === "SIGKILL") killed++;
    const again = await scanlane(args(out));
    expect(again.code).toBe(whole.code);
    expect(await digestsBelow(join(folder, out), TIMED)).toEqual(expected);
  }
  // A run may end just before its kill; nearly all must have been cut short for this to mean anything.
  expect(killed).toBeGreaterThanOrEqual(7);
});
