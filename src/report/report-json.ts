import { canonicalJson } from "#src/core/ids.js";
import { reportFacts } from "./report-facts.js";
import type { ReportInput } from "./report-input.js";

/** The report for programs: sorted keys, no timings, the same bytes on every rerun. */
export function renderReportJson(input: ReportInput): string {
  return `${canonicalJson(reportFacts(input))}\n`;
}
