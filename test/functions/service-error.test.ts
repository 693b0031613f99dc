import { DescribeExecutionCommand, SFNClient } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { serviceError } from "#functions/cli/service-error.js";
import { PipelineError } from "#src/core/errors.js";

const named = (name: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { name, ...more });

describe("what a service of AWS says to an operator", () => {
  it.each([
    [
      "AccessDeniedException",
      "User: x is not authorized to perform: states:StartExecution on y",
      "StoreDenied",
      /^AWS refused states:StartExecution/,
    ],
    ["ExpiredTokenException", "The security token included in the request is expired", "StoreDenied", /credentials/],
    ["CredentialsProviderError", "Could not load credentials from any providers", "StoreDenied", /credentials/],
    ["StateMachineDoesNotExist", "State Machine Does Not Exist: 'arn'", "InputMismatch", /outputs/],
    ["ResourceNotFoundException", "Requested resource not found", "InputMismatch", /outputs/],
    ["ThrottlingException", "Rate exceeded", "StoreBusy", /^AWS answered ThrottlingException/],
  ])("is one of our codes for %s, without what it names", (name, message, code, text) => {
    const error = serviceError(named(name, message, { $metadata: {} }));
    expect(error).toMatchObject({ code, message: expect.stringMatching(text) });
    expect(String(error)).not.toMatch(/User: x|'arn'/);
  });

  it("is told of a service that cannot be reached, and of a region that nobody set", async () => {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const client = new SFNClient({ endpoint: "http://localhost:1", region: "us-east-1", maxAttempts: 1, credentials });
    const executionArn = "arn:aws:states:us-east-1:123456789012:execution:m:s";
    const thrown = await client.send(new DescribeExecutionCommand({ executionArn })).catch((error: unknown) => error);
    const told = { code: "StoreBusy", message: "AWS could not be reached (ECONNREFUSED), expected an answer" };
    expect(serviceError(thrown)).toMatchObject(told);
    client.destroy();
    expect(serviceError(new Error("Region is missing"))).toMatchObject({ code: "InputMismatch" });
  });

  it("leaves our own errors and faults of the program as they are", () => {
    for (const error of [new PipelineError("ScanRunning", "runs"), new TypeError("x is undefined"), "text"]) {
      expect(serviceError(error)).toBe(error);
    }
  });
});
