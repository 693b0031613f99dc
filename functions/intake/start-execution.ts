import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import type { IntakeDeps } from "./take-in-objects.js";

/** Starts executions of one state machine. A name that was used before is success: the scan is under way or done. */
export function startExecution(client: SFNClient, stateMachineArn: string): IntakeDeps["start"] {
  return async (name, input) => {
    try {
      await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
      return "started";
    } catch (error) {
      if (error instanceof ExecutionAlreadyExists) return "exists";
      throw error;
    }
  };
}
