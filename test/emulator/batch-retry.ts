/** What is read of a job definition. */
export interface BatchDefinition {
  readonly parameters: Readonly<Record<string, string>>;
  readonly retryStrategy: {
    readonly attempts?: number;
    readonly evaluateOnExit?: readonly {
      readonly action: string;
      readonly onExitCode?: string;
      readonly onStatusReason?: string;
      readonly onReason?: string;
    }[];
  };
  readonly containerProperties: {
    readonly command: readonly string[];
    readonly environment: readonly { readonly name: string; readonly value: string }[];
  };
}

/**
 * What AWS Batch does after an attempt that failed: the first rule decides all of whose patterns fit; where none fits,
 * and where a rule says so, it tries again while attempts are left.
 */
export function nextAction(
  { retryStrategy }: BatchDefinition,
  ended: { readonly attempts: number; readonly exitCode: number | null; readonly statusReason: string },
): "retry" | "exit" {
  if (ended.attempts >= (retryStrategy.attempts ?? 1)) return "exit";
  const code = ended.exitCode === null ? "" : String(ended.exitCode);
  const rule = (retryStrategy.evaluateOnExit ?? []).find(
    ({ onExitCode, onStatusReason, onReason }) =>
      (onExitCode === undefined || (code !== "" && fits(onExitCode, code))) &&
      (onStatusReason === undefined || fits(onStatusReason, ended.statusReason)) &&
      (onReason === undefined || fits(onReason, "")),
  );
  return rule?.action.toLowerCase() === "exit" ? "exit" : "retry";
}

/** A pattern may end with an asterisk. */
function fits(pattern: string, value: string): boolean {
  return pattern.endsWith("*") ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
}
