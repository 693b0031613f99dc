import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRIC_NAMESPACE, METRICS, type Meter, type MetricName } from "#src/core/meter.js";

/**
 * Metrics as lines in CloudWatch's embedded metric format: Logs makes metrics of them, in a function and in a
 * container alike, with no call and no right. One line a record; the service is the deployment's name.
 *
 * @throws {RangeError} where a metric is not split as `METRICS` says: dashboard and alarms would look elsewhere
 */
export function emfMeter(): Meter {
  const metrics = new Metrics({ namespace: METRIC_NAMESPACE });
  return {
    record: (values, dimensions = {}, ids = {}) => {
      const given = Object.keys(dimensions).sort().join();
      for (const [name, { unit, by }] of Object.entries(METRICS)) {
        const value = values[name as MetricName];
        if (value === undefined) continue;
        const expected = [...by].sort().join();
        if (given !== expected) throw new RangeError(`${name} is split by "${expected}", got "${given}"`);
        metrics.addMetric(name, unit, value);
      }
      for (const [name, value] of Object.entries(dimensions)) metrics.addDimension(name, value);
      for (const [name, value] of Object.entries(ids)) metrics.addMetadata(name, value);
      metrics.publishStoredMetrics();
    },
  };
}
