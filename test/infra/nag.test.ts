import { App, Stack } from "aws-cdk-lib";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { AwsSolutionsChecks, HIPAASecurityChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ACKNOWLEDGED, type Acknowledged } from "../../infra/acknowledged-findings.js";
import type { InfraConfigInput } from "../../infra/config.js";
import { stackOf } from "./synthesize.js";

interface Finding {
  readonly rule: string;
  readonly path: string;
}

/** A violation as the packs report it, which is not as CDK's types have it. */
const Violation = z.object({
  ruleName: z.string(),
  violatingResources: z.array(z.object({ constructPath: z.string() })).min(1),
});

/** What both packs find, with the path of each construct below the pipeline. */
function findingsOf(stack: Stack): Finding[] {
  const packs = [new AwsSolutionsChecks(), new HIPAASecurityChecks()];
  return packs
    .flatMap((pack) => z.array(Violation).parse(pack.validateScope(stack).violations))
    .flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => ({
        rule: ruleName,
        path: constructPath.replace(/^[^/]*\/(Default\/)?/, ""),
      })),
    );
}

const EVERYTHING = {
  network: { profile: "isolated" },
  compute: { postprocessGpu: true },
  retention: { uploadDays: 365, resultDays: 365, quarantineDays: 365, resultLockDays: 30 },
  notifications: {
    alarmEmails: ["a@example.org"],
    eventBusArn: "arn:aws:events:eu-central-1:123456789012:event-bus/hospital",
  },
  dataEvents: true,
  deidentification: true,
} satisfies InfraConfigInput;

const fits =
  ({ rule, path }: Finding) =>
  (one: Acknowledged) =>
    one.rule.test(rule) && one.where.test(path);

describe.each<[string, InfraConfigInput]>([
  ["the smallest configuration", {}],
  ["everything on", EVERYTHING],
  ["Fargate", { compute: { kind: "cpu" } }],
])("cdk-nag, AwsSolutions and HIPAA Security: %s", (_, config) => {
  const findings = findingsOf(stackOf(config));

  it("finds nothing that is not acknowledged with a reason", () => {
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.filter((finding) => !ACKNOWLEDGED.some(fits(finding)))).toEqual([]);
  });
});

describe("acknowledgements", () => {
  it("are all of something that is there", () => {
    const findings = [{}, EVERYTHING].flatMap((config) => findingsOf(stackOf(config)));
    const stale = ACKNOWLEDGED.filter((one) => !findings.some((finding) => fits(finding)(one)));
    expect(stale.map(({ rule }) => String(rule))).toEqual([]);
  });

  it("say nothing of a bucket that anybody may reach without TLS", () => {
    const stack = new Stack(new App(), "other");
    new Bucket(stack, "Bucket");
    const open = findingsOf(stack).filter((finding) => !ACKNOWLEDGED.some(fits(finding)));
    expect(open.map(({ rule }) => rule)).toContain("AwsSolutions-S10");
  });
});
