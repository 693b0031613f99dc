import { FilterPattern, type ILogGroup, MetricFilter } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";

/** What a metric is made of: a number in the line `receipt` that Publish logs for each task. */
const METRICS = { ReceiptCostLowUsd: "costLowUsd", ReceiptCostHighUsd: "costHighUsd", ReceiptsUnpriced: "unpriced" };

/** Sums of receipts as metrics: with a period of a day, what a day's scans cost. */
export class ScanCosts extends Construct {
  constructor(scope: Construct, id: string, logs: Readonly<Record<string, ILogGroup>>) {
    super(scope, id);
    for (const [place, logGroup] of Object.entries(logs)) {
      for (const [metricName, field] of Object.entries(METRICS)) {
        new MetricFilter(this, `${place}${metricName}`, {
          logGroup,
          metricNamespace: "scanlane",
          metricName,
          metricValue: `$.${field}`,
          filterPattern: FilterPattern.literal(`{ $.message = "receipt" && $.${field} >= 0 }`),
        });
      }
    }
  }
}
