/** What splits a metric: few values each, as every combination is a metric of its own that is paid for. */
export interface MetricDimensions {
  readonly stage?: string;
  /** `Published`, or the code of an error. */
  readonly code?: string;
  readonly share?: string;
}

/** Under which CloudWatch has our metrics; the dimension `service`, which each has, tells deployments apart. */
export const METRIC_NAMESPACE = "scanlane";

/** Every metric of the product, its unit and what splits it. Dashboard and alarms are made from this table too. */
export const METRICS = {
  /** Of a stage that ran, not of one that was skipped. */
  StageSeconds: { unit: "Seconds", by: ["stage"] },
  /** Of earlier stages' files, and of its own. */
  StageBytesIn: { unit: "Bytes", by: ["stage"] },
  StageBytesOut: { unit: "Bytes", by: ["stage"] },
  /** Tries that failed, those included that are tried again. */
  StageFailures: { unit: "Count", by: ["stage"] },
  ScansTakenIn: { unit: "Count", by: [] },
  ScanBytes: { unit: "Bytes", by: [] },
  /** Images published, and images or whole scans set aside. */
  Published: { unit: "Count", by: [] },
  Quarantined: { unit: "Count", by: [] },
  Outcomes: { unit: "Count", by: ["code"] },
  /** Executions that failed and could not set aside what they failed by: nothing else tells of those. */
  ScansUnrecorded: { unit: "Count", by: [] },
  /** Estimates of the receipts, one a published image. */
  ReceiptCostLowUsd: { unit: "None", by: [] },
  ReceiptCostHighUsd: { unit: "None", by: [] },
  /** Receipts without a price, which are not free. */
  ReceiptsUnpriced: { unit: "Count", by: [] },
  /** From submission, or the end of the try before, to the start of a job. */
  QueueWaitSeconds: { unit: "Seconds", by: ["share"] },
  /** How long the same job has been the next one to start; 0 with an empty queue. */
  QueueHeadSeconds: { unit: "Seconds", by: [] },
  /** Jobs that wait for a machine, of which the service tells the first 100. */
  JobsRunnable: { unit: "Count", by: [] },
} as const satisfies Record<string, { unit: string; by: readonly (keyof MetricDimensions)[] }>;
export type MetricName = keyof typeof METRICS;

/** Where a stage says what an operator counts. */
export interface Meter {
  /**
   * @param values of metrics that the same dimensions split
   * @param dimensions exactly those of the metrics
   * @param ids for the log line alone, to find what was counted
   */
  record(
    values: Readonly<Partial<Record<MetricName, number>>>,
    dimensions?: MetricDimensions,
    ids?: Readonly<Record<string, string>>,
  ): void;
}
