/**
 * Errors that the services raise themselves and that another try can heal. Together with our own retryable codes
 * these are all that a `Retry` of the workflow file may name; a test compares them.
 */
export const LAMBDA_SERVICE_ERRORS = [
  "Lambda.ServiceException",
  "Lambda.AWSLambdaException",
  "Lambda.SdkClientException",
  "Lambda.TooManyRequestsException",
  "Lambda.ClientExecutionTimeoutException",
] as const;

/**
 * Submission and throttling only. A job that failed arrives as `States.TaskFailed` and was already retried, where
 * that makes sense, by its job definition.
 */
export const BATCH_SERVICE_ERRORS = [
  "Batch.ServerException",
  "Batch.BatchException",
  "Batch.AWSBatchException",
] as const;
