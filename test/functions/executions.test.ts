import { ExecutionDoesNotExist, SFNClient, SFNServiceException } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { executionsOf } from "#functions/runtime/executions.js";

const scanId = `s-${"1".repeat(40)}`;
const answer = (name: string, $fault: "client" | "server") =>
  new SFNServiceException({ name, $fault, $metadata: {}, message: "no" });

/** Step Functions that answers every call so. */
function answering(error: Error) {
  const client = new SFNClient({ region: "us-east-1" });
  client.send = () => Promise.reject(error);
  return executionsOf(client, "arn:aws:states:us-east-1:1:stateMachine:scans");
}

describe("executionsOf", () => {
  it("has what passes tried again, as so many ask at once that some are refused", async () => {
    for (const error of [answer("ThrottlingException", "client"), answer("InternalServerError", "server")]) {
      await expect(answering(error).describe(scanId, 1)).rejects.toMatchObject({ code: "StoreBusy" });
      await expect(answering(error).start(scanId, 1)).rejects.toMatchObject({ code: "StoreBusy" });
    }
  });

  it("passes on what does not, and knows an execution that is not there", async () => {
    const denied = answer("AccessDeniedException", "client");
    await expect(answering(denied).describe(scanId, 1)).rejects.toBe(denied);
    const none = new ExecutionDoesNotExist({ $metadata: {}, message: "no" });
    expect(await answering(none).describe(scanId, 1)).toBeNull();
  });
});
