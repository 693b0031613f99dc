import { describe, expect, it } from "vitest";
import { ortSessions } from "#src/inference/ort-session.js";
import { threadsARun } from "#src/inference/run-threads.js";
import { randomUnet } from "../../../bench/preflight/unet.js";

const unet = (classes: number) => randomUnet({ dimensions: 3, inputs: 1, classes, channels: [16, 16], seed: 1 }).file;

describe("threadsARun", () => {
  it("is two from 64 MiB in one tensor on, in one tile", () => {
    // The largest is the skipped and the enlarged tensor side by side.
    expect(threadsARun(unet(3), "image", [null, 1, 32, 128, 128])).toBe(2);
    expect(threadsARun(unet(3), "image", [1, 1, 32, 128, 126])).toBe(1);
  });

  it("leaves logits out, however many classes there are", () => {
    expect(threadsARun(unet(200), "image", [null, 1, 32, 64, 64])).toBe(1);
  });

  it("is one where the tile is not known, and of slices", () => {
    expect(threadsARun(unet(3), "image", [])).toBe(1);
    expect(threadsARun(unet(3), "image", [null, 1, 4096, 4096])).toBe(1);
  });

  it("is what a session says of itself, in threads of its own too", async () => {
    const file = unet(3);
    for (const workers of [1, 2]) {
      const open = ortSessions("cpu", { workers });
      const request = { bytes: async () => file, sha256: "", inputName: "image", outputName: "logits" };
      const small = await open({ ...request, shape: [null, 1, 16, 16, 16] });
      const large = await open({ ...request, shape: [null, 1, 32, 128, 128] });
      expect([small.threads, large.threads]).toEqual([1, 2]);
      await Promise.all([small.close(), large.close()]);
    }
  });
});
