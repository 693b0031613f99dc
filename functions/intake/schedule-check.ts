import { ConflictException, CreateScheduleCommand, type SchedulerClient } from "@aws-sdk/client-scheduler";
import type { AdvanceDeps } from "#src/intake/advance-series.js";
import { checkMessage } from "#src/intake/upload-events.js";

/** Where the messages of EventBridge Scheduler go, and by which right. */
export interface CheckSchedule {
  /** Group of the schedules: the function may make them in no other. */
  readonly groupName: string;
  /** The intake queue. */
  readonly queueArn: string;
  /** Where messages go that cannot be delivered. */
  readonly deadLetterArn: string;
  /** What Scheduler acts as. */
  readonly roleArn: string;
}

/**
 * Checks as one-time schedules that send a message to the intake queue and remove themselves. The name is a function of
 * series and time: asked for twice, it is one. Scheduler is exact to the minute.
 */
export function scheduleCheck(client: SchedulerClient, schedule: CheckSchedule): AdvanceDeps["checkAt"] {
  const { groupName, queueArn, deadLetterArn, roleArn } = schedule;
  return async (seriesId, time) => {
    const second = Math.ceil(time / 1000);
    const at = new Date(second * 1000).toISOString().slice(0, 19);
    try {
      await client.send(
        new CreateScheduleCommand({
          Name: `${seriesId}-${second}`,
          GroupName: groupName,
          ScheduleExpression: `at(${at})`,
          FlexibleTimeWindow: { Mode: "OFF" },
          ActionAfterCompletion: "DELETE",
          Target: {
            Arn: queueArn,
            RoleArn: roleArn,
            Input: checkMessage(seriesId, second * 1000),
            DeadLetterConfig: { Arn: deadLetterArn },
          },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConflictException)) throw error;
    }
  };
}
