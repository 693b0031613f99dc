import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { SCHEMA_VERSION } from "#src/core/versions.js";
import type { AdvanceDeps } from "#src/intake/advance-series.js";
import type { ExecutionInput } from "#src/workflow/contract.js";

/**
 * First attempts as executions of one state machine, under the scan's id. A name that was used before is success: the
 * scan is under way or done.
 */
export function executions(client: SFNClient, stateMachineArn: string): Pick<AdvanceDeps, "start" | "isRunning"> {
  return {
    start: async (scanId) => {
      const input: ExecutionInput = { schemaVersion: SCHEMA_VERSION, scanId, attempt: 1 };
      try {
        await client.send(new StartExecutionCommand({ stateMachineArn, name: scanId, input: JSON.stringify(input) }));
      } catch (error) {
        if (!(error instanceof ExecutionAlreadyExists)) throw error;
      }
    },
    isRunning: async (scanId) => {
      const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${scanId}`;
      try {
        const { status } = await client.send(new DescribeExecutionCommand({ executionArn }));
        return status === "RUNNING" || status === "PENDING_REDRIVE";
      } catch (error) {
        // Long ended, or never started.
        if (error instanceof ExecutionDoesNotExist) return false;
        throw error;
      }
    },
  };
}
