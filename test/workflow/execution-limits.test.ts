import { describe, expect, it } from "vitest";
import { readWorkflow } from "#src/local/engine.js";
import { type ExecutionOutput, InspectOutput, type TaskOutcome, type TaskRef } from "#src/workflow/contract.js";
import { MAX_HISTORY_EVENTS, MAX_IMAGES_ON_AWS, MAX_PAYLOAD_BYTES } from "#src/workflow/execution-limits.js";
import { jobAsks } from "#src/workflow/job-sizes.js";
import { type State, successorsOf, Workflow } from "./asl-states.js";

const workflow = Workflow.parse(JSON.parse(await readWorkflow()));

/** StateEntered and StateExited; one that fails comes once in an execution, whose end is counted by itself. */
const ofState = ({ Type }: State) => (Type === "Fail" ? 0 : 2);
/** MapIterationStarted and MapIterationSucceeded. */
const OF_ITERATION = 2;
/** MapStateStarted and MapStateSucceeded. */
const OF_MAP = 2;
/** TaskScheduled, TaskStarted, TaskSucceeded (or TaskFailed); of a job TaskSubmitted too. */
const triesOf = (state: State): number => {
  if (state.Type !== "Task") return 0;
  return state.Resource?.endsWith(".sync") ? 4 : 3;
};
const retriesOf = (state: State) => (state.Retry ?? []).reduce((sum, { MaxAttempts }) => sum + MaxAttempts, 0);

type Count = (state: State) => number;
/** As many tries as may be. */
const most: Count = (state) => ofState(state) + triesOf(state) * (1 + retriesOf(state));
const once: Count = (state) => ofState(state) + triesOf(state);

/** Events of the longest way from a state to an end; a Map counts as without items. */
function longest(workflow: Workflow, name: string, count: Count): number {
  const state = workflow.States[name];
  if (state === undefined) throw new RangeError(`no state ${name}`);
  const own = count(state) + (state.Type === "Map" ? OF_MAP : 0);
  return own + Math.max(0, ...successorsOf(state).map((next) => longest(workflow, next, count)));
}

/** Events of one way. */
const way = (workflow: Workflow, names: readonly string[], count: Count) =>
  names.reduce((sum, name) => sum + count(workflow.States[name] as State), 0);

const image = workflow.States.Tasks?.ItemProcessor as Workflow;
const ofImage = OF_ITERATION + longest(image, image.StartAt, most);
/** ExecutionStarted, ExecutionSucceeded or ExecutionFailed. */
const ofExecution = 2 + longest(workflow, workflow.StartAt, most);

describe("the history of an execution", () => {
  it("has the events that AWS writes for one image that goes well: 28, or 35 of a large one", () => {
    const small = ["WherePreprocess", "Preprocess", "Segment", "Postprocess", "WherePublish", "Publish"];
    const large = [
      "WherePreprocess",
      "PreprocessJob",
      "Segment",
      "Postprocess",
      "WherePublish",
      "PublishJob",
      "Publish",
    ];
    expect(OF_ITERATION + way(image, small, once)).toBe(28);
    expect(OF_ITERATION + way(image, large, once)).toBe(35);
  });

  it("stays below what Step Functions ends it at, whatever is retried, and with one image more would not be sure to", () => {
    expect(ofImage).toBe(166);
    expect(ofExecution + MAX_IMAGES_ON_AWS * ofImage).toBeLessThanOrEqual(MAX_HISTORY_EVENTS);
    expect(ofExecution + (MAX_IMAGES_ON_AWS + 1) * ofImage).toBeGreaterThan(MAX_HISTORY_EVENTS);
  });
});

describe("the payload of a state", () => {
  it("has room for as many images", () => {
    const [scanId, identity] = [`s-${"f".repeat(40)}`, `r-${"f".repeat(40)}`];
    const place = { kind: "local" } as const;
    const asks = jobAsks([{ memoryMiB: 232_000, vcpus: 64, workers: 32, place }], 0, 32, 1);
    const numbers = Array.from({ length: MAX_IMAGES_ON_AWS }, (_, n) => `t${999 - n}`);
    const tasks = numbers.map(
      (taskId): TaskRef => ({
        taskId,
        taskKey: `${scanId}/a999/tasks/${taskId}.json`,
        identity,
        share: "stat",
        preprocessOn: "lambda",
        jobs: { image: asks, segment: asks, postprocess: asks },
      }),
    );
    InspectOutput.parse({ scanId, attempt: 999, tasks });
    const outcomes = numbers.map(
      (subject): TaskOutcome => ({
        kind: "quarantined",
        subject,
        code: "CapacityUnavailable",
        recordKey: `quarantine/${scanId}/a999-${subject}.json`,
      }),
    );
    // What goes into Summarise: the tasks, and beside them what became of each.
    const largest = { tasks, outcomes, anyQuarantined: true, scanId, attempt: 999 } satisfies ExecutionOutput & {
      tasks: TaskRef[];
    };
    expect(JSON.stringify(largest).length).toBeLessThan(0.6 * MAX_PAYLOAD_BYTES);
  });
});
