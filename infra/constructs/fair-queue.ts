import { Duration } from "aws-cdk-lib";
import {
  FairshareSchedulingPolicy,
  type IComputeEnvironment,
  JobQueue,
  JobStateTimeLimitActionsAction,
  JobStateTimeLimitActionsReason,
  JobStateTimeLimitActionsState,
} from "aws-cdk-lib/aws-batch";
import type { Construct } from "constructs";

/** How long a job may wait at the head of the queue for a reason that does not heal by itself. */
const LONGEST_WAIT = Duration.hours(4);

/** A queue that STAT, routine and bulk share. @param environments first choice first */
export function fairQueue(scope: Construct, environments: readonly IComputeEnvironment[]): JobQueue {
  return new JobQueue(scope, "Queue", {
    computeEnvironments: environments.map((computeEnvironment, n) => ({ computeEnvironment, order: n + 1 })),
    // STAT gets four times the share of bulk, routine twice (a smaller factor is a larger share), and none ever starves.
    schedulingPolicy: new FairshareSchedulingPolicy(scope, "Fairshare", {
      computeReservation: 10,
      shareDecay: Duration.hours(1),
      shares: [
        { shareIdentifier: "stat", weightFactor: 0.25 },
        { shareIdentifier: "routine", weightFactor: 0.5 },
        { shareIdentifier: "bulk", weightFactor: 1 },
      ],
    }),
    jobStateTimeLimitActions: Object.values(JobStateTimeLimitActionsReason).map((reason) => ({
      action: JobStateTimeLimitActionsAction.CANCEL,
      maxTime: LONGEST_WAIT,
      reason,
      state: JobStateTimeLimitActionsState.RUNNABLE,
    })),
  });
}
