import { readFileSync } from "node:fs";
import validate from "asl-validator";
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "#src/core/errors.js";
import { LAMBDA_SERVICE_ERRORS } from "#src/workflow/service-errors.js";
import { allStates, Workflow } from "./asl-states.js";

const text = readFileSync(new URL("../../src/workflow/backfill.asl.json", import.meta.url), "utf8");
const definition = JSON.parse(text.replaceAll(/\$\{(\w+)\}/g, "arn:aws:states:us-east-1:1:stateMachine:x"));

describe("the backfill's workflow file", () => {
  it("is accepted by asl-validator, and a broken copy is not", () => {
    expect(validate(definition).errors).toEqual([]);
    expect(validate({ ...definition, StartAt: "Nowhere" }).isValid).toBe(false);
  });

  it("retries only what may pass", () => {
    const passing = Object.entries(ERROR_CODES).flatMap(([code, { retryable }]) => (retryable ? [code] : []));
    const known = [...passing, ...LAMBDA_SERVICE_ERRORS];
    const calls = allStates(Workflow.parse(definition)).filter(({ state }) =>
      state.Resource?.endsWith("lambda:invoke"),
    );
    expect(calls.map(({ name }) => name)).toEqual(["Begin", "Settle"]);
    for (const { state } of calls) {
      const errors = (state.Retry ?? []).flatMap((rule) => rule.ErrorEquals);
      expect(errors.length).toBeGreaterThan(0);
      expect(errors.filter((error) => !known.includes(error))).toEqual([]);
    }
  });
});
