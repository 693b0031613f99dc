import { PipelineError } from "#src/core/errors.js";
import { readReportVolumes } from "#src/formats/sr-read.js";

/**
 * Reads a measurement report again and compares its volumes with those that were measured.
 *
 * @param expected mm³ of each segment, in the order of their numbers
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveVolumes(bytes: Uint8Array, expected: readonly number[]): void {
  const found = readReportVolumes(bytes);
  if (found.size !== expected.length) {
    throw new PipelineError("ResultInvalid", `written SR has ${found.size} segments, expected ${expected.length}`);
  }
  for (const [n, volume] of expected.entries()) {
    const got = found.get(n + 1) ?? Number.NaN;
    if (Math.abs(got - volume) <= 1e-6 * volume) continue;
    throw new PipelineError("ResultInvalid", `segment ${n + 1} has ${got} mm3 in the written SR, expected ${volume}`);
  }
}
