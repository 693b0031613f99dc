import type { Context } from "aws-lambda";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { counted } from "#functions/runtime/counted.js";
import { type Telemetry, telemetry } from "#functions/runtime/telemetry.js";
import { METRICS } from "#src/core/meter.js";

const scanId = `s-${"a".repeat(40)}`;
const lambda = { awsRequestId: "r1", functionName: "inspect", memoryLimitInMB: "512" } as Context;

describe("what functions and jobs say", () => {
  let lines: Record<string, unknown>[];
  let voice: Telemetry;

  beforeEach(() => {
    vi.stubEnv("POWERTOOLS_SERVICE_NAME", "scanlane-test");
    vi.stubEnv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    lines = [];
    for (const stream of [process.stdout, process.stderr]) {
      vi.spyOn(stream, "write").mockImplementation((text) => lines.push(JSON.parse(String(text))) > 0);
    }
    voice = telemetry("inspect");
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  it("is a line of JSON a message, with the execution's name on each that is about a scan", () => {
    voice.logger.info("task found", { scanId, taskId: "t0" });
    voice.logger.warn("stage failed", { scanId, attempt: 3, code: "SeriesGap" });
    expect(lines).toMatchObject([
      { level: "INFO", message: "task found", service: "scanlane-test", stage: "inspect", correlation_id: scanId },
      { level: "WARN", message: "stage failed", code: "SeriesGap", correlation_id: `${scanId}-a3` },
    ]);
  });

  it("names the scan and the request of an invocation on every line of it, and on no line of the next", () => {
    voice.begin({}, lambda);
    voice.begin({ scanId, attempt: 2 }, lambda);
    voice.logger.warn("failed", { code: "Internal" });
    voice.begin({}, { ...lambda, awsRequestId: "r2" });
    voice.logger.info("object ignored");
    expect(lines.map(({ stage }) => stage)).toEqual(["inspect", "inspect"]);
    const first = { correlation_id: `${scanId}-a2`, function_request_id: "r1", cold_start: true };
    expect(lines[0]).toMatchObject(first);
    expect(lines[1]).toMatchObject({ function_request_id: "r2", cold_start: false });
    expect(lines[1]).not.toHaveProperty("correlation_id");
    expect(lines[1]).not.toHaveProperty("scanId");
  });

  it("holds metrics in the embedded format, with the deployment as a dimension", () => {
    voice.meter.record({ StageSeconds: 1.5, StageBytesIn: 0, StageBytesOut: 7 }, { stage: "segment" }, { scanId });
    expect(lines).toEqual([
      {
        _aws: {
          Timestamp: expect.any(Number),
          CloudWatchMetrics: [
            {
              Namespace: "scanlane",
              Dimensions: [["service", "stage"]],
              Metrics: [
                { Name: "StageSeconds", Unit: "Seconds" },
                { Name: "StageBytesIn", Unit: "Bytes" },
                { Name: "StageBytesOut", Unit: "Bytes" },
              ],
            },
          ],
        },
        service: "scanlane-test",
        stage: "segment",
        StageSeconds: 1.5,
        StageBytesIn: 0,
        StageBytesOut: 7,
        scanId,
      },
    ]);
  });

  it("counts what became of an image once for all, and once by code", () => {
    counted({ kind: "quarantined", subject: "t0", code: "SeriesGap", recordKey: "k" }, voice.meter);
    counted({ stage: "segment", skipped: false }, voice.meter);
    expect(lines).toMatchObject([
      { Quarantined: 1, _aws: { CloudWatchMetrics: [{ Dimensions: [["service"]] }] } },
      { Outcomes: 1, code: "SeriesGap", _aws: { CloudWatchMetrics: [{ Dimensions: [["service", "code"]] }] } },
    ]);
  });

  it("takes every metric of the table, split as the table says, and no other way", () => {
    for (const [name, { by }] of Object.entries(METRICS)) {
      voice.meter.record({ [name]: 1 }, Object.fromEntries(by.map((dimension) => [dimension, "x"])));
      expect(lines.at(-1)).toMatchObject({ [name]: 1 });
    }
    expect(() => voice.meter.record({ StageSeconds: 1 })).toThrow(/StageSeconds is split by "stage"/);
    expect(() => voice.meter.record({ Published: 1 }, { code: "x" })).toThrow(RangeError);
  });
});
