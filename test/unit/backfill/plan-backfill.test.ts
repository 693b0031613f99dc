import { describe, expect, it } from "vitest";
import { planBackfill } from "#src/backfill/plan-backfill.js";
import { scanIdOfObject } from "#src/core/ids.js";
import { RunRequest, SourceDocument } from "#src/workflow/contract.js";

const request = RunRequest.parse({});
const object = (key: string, version = "v1", size = 10) => ({ key, version, size });

describe("planBackfill", () => {
  it("takes archives and volumes by themselves, under the ids that intake gives them, and slices by folder", () => {
    const plan = planBackfill("b", [object("a/x.zip"), object("s/1"), object("s/2.dcm"), object("t/1.dcm")], request);
    expect(plan.sources.map(({ objects }) => objects.length).sort()).toEqual([1, 1, 2]);
    expect(plan.sources.map(({ scanId }) => scanId)).toContain(scanIdOfObject("b", "a/x.zip", "v1"));
    for (const source of plan.sources) expect(SourceDocument.parse(source).request.share).toBe("bulk");
  });

  it("leaves out empty objects and what says something of a folder", () => {
    expect(
      planBackfill("b", [object("a/", "v", 0), object("a/scan.json"), object("a/x.nii")], request).sources.length,
    ).toBe(1);
  });

  it("is the same backfill for the same listing in another order, and another one for another state", () => {
    const [one, two] = [object("s/1"), object("s/2")];
    const id = planBackfill("b", [one, two], request).backfillId;
    expect(planBackfill("b", [two, one], request).backfillId).toBe(id);
    expect(planBackfill("b", [one, object("s/2", "v2")], request).backfillId).not.toBe(id);
  });
});
