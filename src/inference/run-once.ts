import { sha256 } from "#src/core/ids.js";
import type { OpenSession, Tensor } from "./network-session.js";

/** A graph that was made for one input. */
interface OneGraph {
  readonly bytes: Uint8Array;
  readonly inputName: string;
  readonly outputName: string;
}

/** Runs graphs that are used once: opened, run and closed. */
export function runOnce(open: OpenSession): (graph: OneGraph, input: Tensor) => Promise<Tensor> {
  return async ({ bytes, ...names }, input) => {
    const session = await open({ ...names, bytes: async () => bytes, sha256: sha256(bytes) });
    try {
      return await session.run(input);
    } finally {
      await session.close();
    }
  };
}
