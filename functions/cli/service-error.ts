import { PipelineError } from "#src/core/errors.js";

/** What a service says to an operator, in our words. Anything else is passed on. */
export function serviceError(error: unknown): unknown {
  if (error instanceof PipelineError || !(error instanceof Error)) return error;
  const { name, message } = error;
  if (message.includes("Region is missing")) {
    return new PipelineError("InputMismatch", "no AWS region is set, expected AWS_REGION or a profile with one");
  }
  if (name === "CredentialsProviderError" || /ExpiredToken|UnrecognizedClient/.test(name)) {
    return new PipelineError("StoreDenied", `AWS credentials were refused (${name}), expected valid ones`, {
      cause: error,
    });
  }
  if (/AccessDenied/.test(name)) {
    const action = /perform: ([a-z]+:\w+)/.exec(message)?.[1] ?? "this";
    return new PipelineError("StoreDenied", `AWS refused ${action}, expected this user to be allowed`, {
      cause: error,
    });
  }
  if (/DoesNotExist|ResourceNotFound|InvalidArn/.test(name)) {
    return new PipelineError(
      "InputMismatch",
      `AWS answered ${name}, expected the names that the stack's outputs give`,
      {
        cause: error,
      },
    );
  }
  const code = "code" in error ? String(error.code) : "";
  if (/^E[A-Z_]+$/.test(code)) {
    return new PipelineError("StoreBusy", `AWS could not be reached (${code}), expected an answer`, { cause: error });
  }
  if ("$metadata" in error) {
    return new PipelineError("StoreBusy", `AWS answered ${name}, expected success`, { cause: error });
  }
  return error;
}
