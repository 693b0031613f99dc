import { describe, expect, it } from "vitest";
import {
  ERROR_CLASSES,
  ERROR_CODES,
  exitCodeOf,
  isErrorCode,
  PipelineError,
  toPipelineError,
} from "#src/core/errors.js";

describe("error codes", () => {
  it("gives every class an exit code of its own", () => {
    const codes = Object.values(ERROR_CLASSES).map(({ exitCode }) => exitCode);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it("calls retryable exactly what is transient", () => {
    const retryable = Object.entries(ERROR_CODES).filter(([, { retryable }]) => retryable);
    expect(retryable.map(([code]) => code).sort()).toEqual([
      "CapacityUnavailable",
      "ComputeLost",
      "StoreBusy",
      "StoreCorrupt",
    ]);
    for (const [, entry] of retryable) expect(entry.class).toBe("transient");
  });

  it("knows its own codes and nothing that an object inherits", () => {
    expect(isErrorCode("SeriesGap")).toBe(true);
    expect(isErrorCode("toString")).toBe(false);
    expect(exitCodeOf("SeriesGap")).toBe(65);
  });
});

describe("toPipelineError", () => {
  it("passes one of ours through, named for Step Functions by its code", () => {
    const error = new PipelineError("SeriesGap", "gap");
    expect(toPipelineError(error)).toBe(error);
    expect(error.name).toBe("SeriesGap");
  });

  it("hides what a library says, which may hold names", () => {
    const foreign = toPipelineError(new TypeError("cannot open /data/Doe^John.dcm"));
    expect(foreign).toMatchObject({ code: "Internal", message: "unexpected TypeError in this step" });
  });
});
