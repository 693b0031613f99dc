// Prints what vitest's JSON report says: each skipped test with its reason, then "N passed, N failed" as the last line.
// A gate that ended with an error although no test failed (types, lint, unused code, synth) counts as one failure.
import { readFileSync } from "node:fs";

const [, , file, gateStatus] = process.argv;
const report = read(file);
const suites = report?.testResults ?? [];
const tests = suites.flatMap((suite) => suite.assertionResults);

const skipped = tests.filter((test) => test.status === "pending" || test.status === "skipped");
for (const test of skipped) process.stdout.write(`skipped: ${test.fullName}\n`);

const passed = tests.filter((test) => test.status === "passed").length;
// A file that could not be loaded has no tests to count.
const broken = suites.filter((suite) => suite.status === "failed" && suite.assertionResults.length === 0).length;
let failed = tests.filter((test) => test.status === "failed").length + broken;
if (failed === 0 && gateStatus !== "0") {
  process.stdout.write(`the gate ended with exit code ${gateStatus} outside the tests: see above\n`);
  failed = 1;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);

/** Null when the gate ended before the tests ran. */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}
