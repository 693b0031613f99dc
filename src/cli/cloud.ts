import { PipelineError } from "#src/core/errors.js";

/**
 * A command that needs AWS, loaded when it is asked for: every other one works without the SDK.
 *
 * @throws {PipelineError} `InputMismatch` naming the package that is not installed
 */
export async function loadCloud<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const missing =
      cause instanceof Error ? /Cannot find package '(@aws-sdk\/[\w-]+)'/.exec(cause.message)?.[1] : undefined;
    if (missing === undefined) throw cause;
    throw new PipelineError(
      "InputMismatch",
      `${missing} is not installed, expected it beside scanlane (npm i ${missing})`,
      {
        cause,
      },
    );
  }
}

/** Runs a command that asks services of AWS; what one of them refuses is said in our words. */
export async function askingServices<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    throw (await loadCloud(() => import("#functions/cli/service-error.js"))).serviceError(error);
  }
}
