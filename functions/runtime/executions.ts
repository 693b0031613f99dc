import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type SFNClient,
  SFNServiceException,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { PipelineError } from "#src/core/errors.js";
import { executionName } from "#src/core/ids.js";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { Executions } from "#src/operate/deployment.js";
import type { ExecutionInput } from "#src/workflow/contract.js";

/**
 * Attempts as executions of one state machine, named by `executionName`. A name that was used before is success: the
 * attempt is under way or done.
 */
export function executionsOf(client: SFNClient, stateMachineArn: string): Executions {
  return {
    async start(scanId, attempt) {
      const input: ExecutionInput = { schemaVersion: SCHEMA_VERSION, scanId, attempt };
      const name = executionName(scanId, attempt);
      try {
        await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
      } catch (error) {
        if (!(error instanceof ExecutionAlreadyExists)) throw passing(error);
      }
    },
    async describe(scanId, attempt) {
      const name = executionName(scanId, attempt);
      const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
      try {
        const found = await client.send(new DescribeExecutionCommand({ executionArn }));
        const { status = "UNKNOWN", startDate, stopDate } = found;
        return { name, status, startedAt: startDate?.toISOString() ?? "", endedAt: stopDate?.toISOString() ?? null };
      } catch (error) {
        // Long ended, or never started.
        if (error instanceof ExecutionDoesNotExist) return null;
        throw passing(error);
      }
    },
  };
}

/** `StoreBusy` for what passes: so many may ask at once that Step Functions refuses some of them. */
function passing(error: unknown): unknown {
  if (!(error instanceof SFNServiceException)) return error;
  const isPassing = error.$fault === "server" || error.name.includes("Throttl");
  if (!isPassing) return error;
  return new PipelineError("StoreBusy", `Step Functions answered ${error.name}, expected success`, { cause: error });
}
