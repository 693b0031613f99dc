import { describe, expect, it } from "vitest";
import { readWorkflow } from "#src/local/engine.js";
import { receiptOf, type StageSeconds } from "#src/stages/receipt.js";
import { LIST_PRICES } from "#src/workflow/prices.js";

const lambda = { kind: "lambda", memoryMiB: 1024, scratchMiB: 512, architecture: "arm64" } as const;
const gpu = { kind: "instance", types: ["gpu"], spot: "no" } as const;
const prices = {
  ...LIST_PRICES,
  stateTransition: 0.5,
  lambda: { request: 0.25, gbSecond: { arm64: 1, x64: 1 }, scratchGbSecond: 0 },
  instanceHour: { gpu: 36_000 },
};
const stages: StageSeconds[] = [
  { stage: "preprocess", seconds: 2, place: lambda },
  { stage: "segment", seconds: 3, place: { ...gpu, types: [...gpu.types] } },
];

describe("receiptOf", () => {
  it("adds transitions, seconds by place and requests", () => {
    // 6 transitions of 0.5, 2 s of 1 and a request of 0.25, 3 s of 10.
    const { cost, stateTransitions } = receiptOf(stages, false, prices);
    expect([stateTransitions, cost]).toEqual([6, { low: 35.25, high: 35.25 }]);
  });

  it("knows no cost where one place has no price, and says which", () => {
    const receipt = receiptOf(stages, false, { ...prices, instanceHour: {} });
    expect([receipt.cost, receipt.unpriced]).toEqual([null, ["instances gpu"]]);
  });

  it("knows no cost of this machine, and of no transitions", () => {
    const receipt = receiptOf([{ stage: "segment", seconds: 1, place: { kind: "local" } }], true, prices);
    expect(receipt).toEqual({ stateTransitions: 0, cost: null, unpriced: ["this machine"], prices: null });
  });

  it("knows no cost of a stage whose record is of before there were receipts", () => {
    const receipt = receiptOf([{ stage: "segment", seconds: 1, place: null }], true, prices);
    expect([receipt.cost, receipt.unpriced]).toEqual([null, ["segment: place not recorded"]]);
  });

  it("counts as many transitions as the workflow file has states on the way", async () => {
    const workflow = JSON.parse(await readWorkflow());
    const preprocess = (kind: typeof lambda | typeof gpu): StageSeconds[] => [
      { stage: "preprocess", seconds: 1, place: kind === gpu ? { ...gpu, types: [...gpu.types] } : lambda },
    ];
    const inside = workflow.States.Tasks.ItemProcessor;
    for (const [where, kind] of [
      ["lambda", lambda],
      ["batch", gpu],
    ] as const) {
      const ofTask = statesOnTheWay(inside, where);
      expect(receiptOf(preprocess(kind), false, prices).stateTransitions).toBe(ofTask);
      expect(receiptOf(preprocess(kind), true, prices).stateTransitions).toBe(ofTask + statesOnTheWay(workflow, where));
    }
  });
});

/** How many states a run without failures enters. */
function statesOnTheWay(machine: { StartAt: string; States: Record<string, Record<string, unknown>> }, where: string) {
  let count = 0;
  for (let name: unknown = machine.StartAt; typeof name === "string"; count++) {
    const state: Record<string, unknown> = machine.States[name] ?? {};
    const choices = state.Choices as { StringEquals?: string; Next: string }[] | undefined;
    name = choices?.find(({ StringEquals }) => StringEquals === where)?.Next ?? state.Default ?? state.Next;
  }
  return count;
}
