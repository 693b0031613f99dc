import { z } from "zod";

const ErrorRule = z.looseObject({ ErrorEquals: z.array(z.string()) });

/** The parts of a state that tests look at. */
export const State = z.looseObject({
  Type: z.enum(["Task", "Choice", "Map", "Pass", "Wait", "Succeed", "Fail", "Parallel"]),
  Resource: z.string().optional(),
  Parameters: z.record(z.string(), z.unknown()).optional(),
  TimeoutSeconds: z.number().optional(),
  Retry: z
    .array(
      ErrorRule.extend({
        MaxAttempts: z.number(),
        MaxDelaySeconds: z.number().optional(),
        JitterStrategy: z.string().optional(),
      }),
    )
    .optional(),
  Catch: z.array(ErrorRule.extend({ Next: z.string(), ResultPath: z.string().optional() })).optional(),
  Next: z.string().optional(),
  Default: z.string().optional(),
  Choices: z.array(z.looseObject({ Next: z.string() })).optional(),
  get ItemProcessor() {
    return Workflow.optional();
  },
});
export type State = z.infer<typeof State>;

/** A state machine, or the one inside a Map. */
export const Workflow = z.looseObject({
  StartAt: z.string(),
  get States(): z.ZodRecord<z.ZodString, typeof State> {
    return z.record(z.string(), State);
  },
});
export type Workflow = z.infer<typeof Workflow>;

/** A state with the Map it lies in ("" for the top) and that scope's first state. */
export interface PlacedState {
  readonly name: string;
  readonly scope: string;
  readonly startAt: string;
  readonly state: State;
}

/** Every state of a workflow, those inside Maps included. */
export function allStates(workflow: Workflow, scope = ""): PlacedState[] {
  return Object.entries(workflow.States).flatMap(([name, state]) => [
    { name, scope, startAt: workflow.StartAt, state },
    ...(state.ItemProcessor ? allStates(state.ItemProcessor, name) : []),
  ]);
}

/** Names of the states that may follow. */
export function successorsOf(state: State): string[] {
  const rules = [...(state.Choices ?? []), ...(state.Catch ?? [])].map((rule) => rule.Next);
  return [state.Next, state.Default, ...rules].filter((name) => name !== undefined);
}

/** Names between `${` and `}`, sorted, each once. */
export function placeholdersOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name))].sort();
}
