import { describe, expect, it } from "vitest";
import { silentLogger } from "#src/core/logger.js";
import { folderModels } from "#src/model/model-library.js";
import { readDocument, writeDocument } from "#src/stages/documents.js";
import { quarantine } from "#src/stages/quarantine.js";
import { resultKeys, workKeys } from "#src/storage/keys.js";
import { memoryStore } from "#src/storage/memory-store.js";
import { IndexRecord, QuarantineRecord, SourceDocument, type TaskRef } from "#src/workflow/contract.js";
import { modelsFolderWith } from "../../support/tiny-models.js";

const scanId = `s-${"1".repeat(40)}`;
const identity = `r-${"2".repeat(40)}`;
const asks = { resources: [], environment: [] };
const jobs = { image: asks, segment: asks, postprocess: asks };
const task: TaskRef = { taskId: "t0", taskKey: "k", identity, share: "stat", preprocessOn: "lambda", jobs };

async function places() {
  const stores = { source: memoryStore(), work: memoryStore(), results: memoryStore() };
  await writeDocument(stores.work, workKeys.source(scanId), {
    schemaVersion: 1,
    scanId,
    bucket: "uploads",
    objects: [{ key: "ward/doe.zip", version: "v1", size: 9 }],
    request: { refine: "on", seg: "binary", outputs: [], share: "stat", model: "liver" },
  });
  return { stores, models: folderModels("."), logger: silentLogger, provider: "cpu" as const };
}

const job = (fields: object) => ({ Segment: { Error: "States.TaskFailed", Cause: JSON.stringify(fields) } });

/** As Step Functions tells of a function that its role may not call. */
const NOT_ALLOWED =
  "User is not authorized to perform: lambda:InvokeFunction (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException)";

describe("quarantine", () => {
  it("keeps a function's code, message, step and what to do", async () => {
    const deps = await places();
    const Cause = JSON.stringify({
      errorType: "SeriesGap",
      errorMessage: "step 3 is 14 mm, expected 7",
    });
    const error = { Inspect: { Error: "SeriesGap", Cause } };
    const output = await quarantine({ scanId, attempt: 1, task: null, error }, deps);
    expect(output).toMatchObject({ kind: "quarantined", subject: "scan", code: "SeriesGap" });
    expect(await readDocument(deps.stores.results, output.recordKey, QuarantineRecord)).toMatchObject({
      code: "SeriesGap",
      message: "step 3 is 14 mm, expected 7",
      step: "inspect",
      retryable: false,
      source: { bucket: "uploads", keys: ["ward/doe.zip"] },
    });
    const line = await readDocument(deps.stores.results, `index/${scanId}/a1-scan.json`, IndexRecord);
    expect(line).toMatchObject({ status: "quarantined", code: "SeriesGap", model: "liver", source: "ward/doe.zip" });
  });

  it("calls an upload in the table by its name where it has one, and not by its first file", async () => {
    const deps = await places();
    const source = await readDocument(deps.stores.work, workKeys.source(scanId), SourceDocument);
    await writeDocument(deps.stores.work, workKeys.source(scanId), { ...source, name: "ward" });
    await quarantine({ scanId, attempt: 1, task: null, error: { Inspect: { Error: "NoImage" } } }, deps);
    const line = await readDocument(deps.stores.results, `index/${scanId}/a1-scan.json`, IndexRecord);
    expect(line.source).toBe("ward");
  });

  it("never returns the object's name to the control plane", async () => {
    const deps = await places();
    const output = await quarantine({ scanId, attempt: 1, task: null, error: { Inspect: { Error: "NoImage" } } }, deps);
    expect(JSON.stringify(output)).not.toContain("doe");
  });

  it("takes a job's code from its failure record", async () => {
    const deps = await places();
    await writeDocument(deps.stores.work, workKeys.failure(scanId, 1, "t0", "segment"), {
      schemaVersion: 1,
      stage: "segment",
      code: "InferenceFailed",
      message: "network gave values that are not finite",
      exitCode: 78,
    });
    const error = job({ Container: { ExitCode: 78 } });
    expect(await quarantine({ scanId, attempt: 1, task, error }, deps)).toMatchObject({ code: "InferenceFailed" });
    // Another scan of the same image, with the same result, has its own record, and so has another attempt: without one
    // the exit code decides.
    const other = { scanId: `s-${"3".repeat(40)}`, attempt: 1, task, error };
    expect(await quarantine(other, deps)).toMatchObject({ code: "ModelInvalid" });
    expect(await quarantine({ scanId, attempt: 2, task, error }, deps)).toMatchObject({ code: "ModelInvalid" });
  });

  for (const [what, fields, code] of [
    ["exit code 65", { Container: { ExitCode: 65 } }, "InputUnreadable"],
    ["exit code 76", { Container: { ExitCode: 76 } }, "ResultInvalid"],
    ["exit code 70", { Container: { ExitCode: 70 } }, "Internal"],
    ["a killed process", { Container: { ExitCode: 137 } }, "ComputeLost"],
    [
      "a container without memory",
      { Container: { ExitCode: 137, Reason: "OutOfMemoryError: Container killed due to memory usage" } },
      "MemoryInsufficient",
    ],
    ["no exit code", { StatusReason: "Host EC2 (instance i-1) terminated." }, "ComputeLost"],
    [
      "no capacity",
      { StatusReason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested" },
      "CapacityUnavailable",
    ],
  ] as const) {
    it(`calls ${what} ${code}`, async () => {
      expect(await quarantine({ scanId, attempt: 1, task, error: job(fields) }, await places())).toMatchObject({
        code,
      });
    });
  }

  const exited = (signal: string) =>
    JSON.stringify({ errorType: "Runtime.ExitError", errorMessage: `Error: Runtime exited with error: ${signal}` });

  for (const [state, error, code, step] of [
    ["Preprocess", { Error: "States.Timeout" }, "ComputeLost", "preprocess"],
    ["Publish", { Error: "Sandbox.Timedout", Cause: "{}" }, "ComputeLost", "publish"],
    ["Inspect", { Error: "Runtime.ExitError", Cause: exited("exit status 1") }, "ComputeLost", "inspect"],
    ["Inspect", { Error: "Runtime.ExitError", Cause: exited("signal: killed") }, "MemoryInsufficient", "inspect"],
    ["Inspect", { Error: "Runtime.OutOfMemory", Cause: "{}" }, "MemoryInsufficient", "inspect"],
    ["Inspect", { Error: "Runtime.ImportModuleError", Cause: "{}" }, "Internal", "inspect"],
    ["Publish", { Error: "Lambda.Unknown", Cause: "{" }, "ComputeLost", "publish"],
    ["Publish", { Error: "Lambda.TooManyRequestsException", Cause: "Rate Exceeded" }, "ComputeLost", "publish"],
    ["Inspect", { Error: "Lambda.AWSLambdaException", Cause: "Status Code: 500" }, "ComputeLost", "inspect"],
    ["Inspect", { Error: "Lambda.AWSLambdaException", Cause: NOT_ALLOWED }, "StoreDenied", "inspect"],
    ["Publish", { Error: "Lambda.KMSAccessDeniedException", Cause: "key" }, "StoreDenied", "publish"],
    ["Publish", { Error: "Lambda.KMSInvalidStateException", Cause: "key" }, "StoreDenied", "publish"],
    ["Publish", { Error: "Lambda.ResourceNotFoundException", Cause: "no such version" }, "Internal", "publish"],
    ["Inspect", { Error: "Lambda.InvalidParameterValueException", Cause: "payload" }, "Internal", "inspect"],
    ["Publish", { Error: "States.Runtime", Cause: "not json" }, "Internal", "publish"],
    ["Segment", { Error: "States.Timeout" }, "CapacityUnavailable", "segment"],
    ["PublishJob", { Error: "Batch.AWSBatchException", Cause: "throttled" }, "CapacityUnavailable", "publish"],
    ["PreprocessJob", { Error: "Batch.ClientException", Cause: "no such queue" }, "Internal", "preprocess"],
    ["Segment", { Error: "States.Runtime", Cause: "not json" }, "Internal", "segment"],
    ["Tasks", { Error: "QuarantineFailed", Cause: "record could not be written" }, "StoreBusy", "quarantine"],
  ] as const) {
    const said = "Cause" in error ? `${error.Error} (${error.Cause})` : error.Error;
    it(`calls ${said} of ${state} ${code}, and names the step ${step}`, async () => {
      const deps = await places();
      const input = { scanId, attempt: 1, task: null, error: { [state]: error } };
      const { recordKey } = await quarantine(input, deps);
      const record = await readDocument(deps.stores.results, recordKey, QuarantineRecord);
      expect(record).toMatchObject({ code, step });
      const isJob = ["Segment", "PublishJob", "PreprocessJob"].includes(state);
      if (["CapacityUnavailable", "ComputeLost", "StoreDenied"].includes(code)) {
        expect(record.message).toMatch(isJob ? /^job / : /^function /);
      }
    });
  }

  it("refuses an error of no state", async () => {
    const refused = quarantine({ scanId, attempt: 1, task: null, error: {} }, await places());
    await expect(refused).rejects.toMatchObject({ code: "ContractViolation" });
  });

  it.each<[string, { readonly request?: object; readonly refused?: object }, Record<string, unknown>[]]>([
    ["the request asks", { request: { deidentify: "basic" } }, []],
    ["one of the routes asks, before there is a task,", {}, [{ format: "dicom", model: "liver", deidentify: "basic" }]],
    ["a scan.json that cannot be read may ask", { refused: { code: "InputUnreadable", message: "no JSON" } }, []],
  ])("names no upload where %s for de-identification", async (_, asked, routes) => {
    const { stores, ...deps } = await places();
    const source = await readDocument(stores.work, workKeys.source(scanId), SourceDocument);
    const request = { ...source.request, ...asked.request };
    await writeDocument(stores.work, workKeys.source(scanId), { ...source, ...asked, request });
    const models = folderModels(await modelsFolderWith([], routes));
    const Cause = JSON.stringify({ errorMessage: "step 3 is 14 mm, expected 7" });
    const error = { Inspect: { Error: "SeriesGap", Cause } };
    const { recordKey } = await quarantine({ scanId, attempt: 1, task: null, error }, { stores, ...deps, models });
    expect((await readDocument(stores.results, recordKey, QuarantineRecord)).source).toEqual({
      bucket: "uploads",
      keys: [],
    });
    const line = await readDocument(stores.results, resultKeys.index(scanId, 1, "scan"), IndexRecord);
    expect(line).toMatchObject({ scanId, source: "", code: "SeriesGap" });
  });
});
