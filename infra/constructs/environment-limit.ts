import { Stack, Token } from "aws-cdk-lib";
import { CfnFunction, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";

/** Names and values of all variables of a function together, in bytes. */
const MOST_BYTES = 4096;
/** A name, ARN or URL that only the deployment knows: longer ones are rare. */
const UNKNOWN_BYTES = 128;
/** So many of the longest variables are named. */
const NAMED = 3;

/**
 * Lets the synthesis fail where the variables of a function are more than Lambda takes: a deployment would be rolled back
 * for it, with a message that names none of them.
 *
 * @param name what the function is called in the message
 */
export function limitEnvironment(fn: LambdaFunction, name: string): void {
  fn.node.addValidation({ validate: () => faults(fn, name) });
}

function faults(fn: LambdaFunction, name: string): string[] {
  const cfn = fn.node.defaultChild;
  if (!(cfn instanceof CfnFunction)) return [];
  const environment: { readonly variables?: Readonly<Record<string, unknown>> } = Stack.of(fn).resolve(cfn.environment);
  const sizes = Object.entries(environment?.variables ?? {}).map(([key, value]) => ({
    key,
    bytes:
      Buffer.byteLength(key) +
      (typeof value === "string" && !Token.isUnresolved(value) ? Buffer.byteLength(value) : UNKNOWN_BYTES),
  }));
  const bytes = sizes.reduce((sum, one) => sum + one.bytes, 0);
  if (bytes <= MOST_BYTES) return [];
  const longest = sizes.toSorted((a, b) => b.bytes - a.bytes).slice(0, NAMED);
  const found = longest.map((one) => `${one.key} ${one.bytes}`).join(", ");
  return [
    `environment of function ${name}: found about ${bytes} bytes (${found}, …), expected at most ${MOST_BYTES}: fewer ` +
      "routes, models, upload rules or instance types in the configuration",
  ];
}
