import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, it } from "vitest";
import { HospitalStack } from "../../infra/examples/hospital-stack.js";
import { newApp } from "./synthesize.js";

describe("the pipeline in an app of one's own", () => {
  const app = newApp();
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
