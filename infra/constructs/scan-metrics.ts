import { Stack } from "aws-cdk-lib";
import { Metric, type MetricOptions } from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import { METRIC_NAMESPACE, METRICS, type MetricDimensions, type MetricName } from "#src/core/meter.js";

/** What functions and jobs call their deployment in logs and metrics: the name of the stack. */
export function serviceOf(scope: Construct): string {
  return Stack.of(scope).stackName;
}

/**
 * A metric that functions and jobs of this deployment record.
 *
 * @throws {RangeError} where it is not split as `METRICS` says: nothing would ever be in it
 */
export function scanMetric(
  scope: Construct,
  metricName: MetricName,
  { split = {}, ...options }: MetricOptions & { readonly split?: MetricDimensions } = {},
): Metric {
  const [given, expected] = [Object.keys(split).sort().join(), [...METRICS[metricName].by].sort().join()];
  if (given !== expected) throw new RangeError(`${metricName} is split by "${expected}", got "${given}"`);
  const dimensionsMap = { service: serviceOf(scope), ...split };
  return new Metric({ namespace: METRIC_NAMESPACE, metricName, dimensionsMap, statistic: "Sum", ...options });
}
