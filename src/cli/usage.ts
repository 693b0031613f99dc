import { CommanderError } from "commander";

/** Ends a command whose options do not go together, with the exit code of a command line that was not understood. */
export function usageError(message: string): never {
  console.error(`error: ${message}`);
  throw new CommanderError(1, "scanlane.usage", message);
}
