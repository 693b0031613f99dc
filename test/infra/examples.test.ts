import { readFileSync } from "node:fs";
import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, it } from "vitest";
import { HospitalStack } from "../../infra/examples/hospital-stack.js";

const cdk = JSON.parse(readFileSync(new URL("../../cdk.json", import.meta.url), "utf8"));

describe("the pipeline in an app of one's own", () => {
  const context = { "aws:cdk:bundling-stacks": [], ...cdk.context };
  const app = new App({ context, analyticsReporting: false });
  const [one, other] = [new HospitalStack(app, "hospital"), new HospitalStack(app, "second-hospital")];
  const template = Template.fromStack(one);

  it("is whole, under the name it was given, and tells the app how scans ended", () => {
    template.resourceCountIs("AWS::StepFunctions::StateMachine", 2);
    template.resourceCountIs("AWS::Batch::JobQueue", 1);
    template.hasResourceProperties("AWS::SNS::Subscription", {
      Protocol: "sqs",
      TopicArn: { Ref: Match.stringLikeRegexp("^ScansNoticesEnded") },
      Endpoint: { "Fn::GetAtt": [Match.stringLikeRegexp("^Worklist"), "Arn"] },
    });
  });

  it("can stand twice in one app", () => {
    Template.fromStack(other).resourceCountIs("AWS::StepFunctions::StateMachine", 2);
  });
});
