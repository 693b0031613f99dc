import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ClassicalManifest } from "#src/model/classical-manifest.js";

const read = (id: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../../../models/${id}/manifest.json`, import.meta.url), "utf8"));

/** Field and message of every problem. */
function problems(changes: object, id = "bright-region"): string[] {
  const { error } = ClassicalManifest.safeParse({ ...read(id), ...changes });
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("ClassicalManifest", () => {
  it("takes steps on labels that the method gives", () => {
    expect(problems({})).toEqual([]);
    expect(problems({ postprocess: [{ kind: "fill-holes", labels: [1, 2, 3] }] }, "brain-tissue-fcm")).toEqual([]);
  });

  it("refuses two labels of one name", () => {
    const labels = ["csf", "matter", "matter"].map((name, n) => ({
      ...(read("brain-tissue-fcm").labels as object[])[n],
      name,
    }));
    expect(problems({ labels }, "brain-tissue-fcm")).toEqual(["labels: two labels share a name"]);
  });

  it("refuses a step on a label that the method does not give, and names the step", () => {
    const good = { kind: "fill-holes", labels: [1] };
    expect(problems({ postprocess: [good, { kind: "remove-small", labels: [1, 7], minVoxels: 2 }] })).toEqual([
      "postprocess.1.labels: remove-small names label 7, which the model does not have",
    ]);
    expect(problems({ postprocess: [{ kind: "keep-near", labels: [1], anatomy: [3], withinMm: 2 }] })).toEqual([
      "postprocess.0.anatomy: keep-near names label 3, which the model does not have",
    ]);
  });
});
