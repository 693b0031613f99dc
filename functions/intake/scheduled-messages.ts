import { ConflictException, CreateScheduleCommand, type SchedulerClient } from "@aws-sdk/client-scheduler";
import type { AdvanceDeps } from "#src/intake/advance-series.js";
import { checkMessage, releaseMessage } from "#src/intake/upload-events.js";

/** Where the messages of EventBridge Scheduler go, and by which right. */
export interface MessageSchedule {
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
 * Checks and releases as one-time schedules that send a message to the intake queue and remove themselves. The name is a
 * function of what is looked at and of the time: asked for twice, it is one. Scheduler is exact to the minute.
 */
export function scheduledMessages(
  client: SchedulerClient,
  schedule: MessageSchedule,
): Pick<AdvanceDeps, "checkAt" | "releaseAt"> {
  const { groupName, queueArn, deadLetterArn, roleArn } = schedule;
  const send = (message: (id: string, time: number) => string) => async (id: string, time: number) => {
    const second = Math.ceil(time / 1000);
    const at = new Date(second * 1000).toISOString().slice(0, 19);
    try {
      await client.send(
        new CreateScheduleCommand({
          Name: `${id}-${second}`,
          GroupName: groupName,
          ScheduleExpression: `at(${at})`,
          FlexibleTimeWindow: { Mode: "OFF" },
          ActionAfterCompletion: "DELETE",
          Target: {
            Arn: queueArn,
            RoleArn: roleArn,
            Input: message(id, second * 1000),
            DeadLetterConfig: { Arn: deadLetterArn },
          },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConflictException)) throw error;
    }
  };
  return { checkAt: send(checkMessage), releaseAt: send(releaseMessage) };
}
