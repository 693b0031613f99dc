import { describe, expect, it } from "vitest";
import { importedLabels } from "#src/model/import/imported-labels.js";

const namesOf = (...names: string[]) =>
  importedLabels(names.map((name, n) => ({ value: n + 1, name }))).map(({ name }) => name);

describe("importedLabels", () => {
  it("keeps the name and makes a short one of small letters, digits and hyphens", () => {
    const [label] = importedLabels([{ value: 3, name: "Left Kidney (cyst)" }]);
    expect(label).toMatchObject({ value: 3, name: "left-kidney-cyst", displayName: "Left Kidney (cyst)" });
  });

  it("appends the value where short names would be the same", () => {
    expect(namesOf("liver", "GTV+", "GTV-")).toEqual(["liver", "gtv-2", "gtv-3"]);
    expect(namesOf("肝脏", "肿瘤")).toEqual(["label-1", "label-2"]);
    expect(namesOf("GTV+", "GTV-", "gtv 1")).toEqual(["gtv-1-1", "gtv-2", "gtv-1"]);
    expect(namesOf("a", "a", "a-1", "a 1")).toEqual(["a-1", "a-2", "a-1-3", "a-1-4"]);
  });

  it("takes the terms that are given, else tissue", () => {
    const category = { value: "123037004", scheme: "SCT", meaning: "Anatomical Structure" } as const;
    const [given, other] = importedLabels([
      { value: 1, name: "spleen", category },
      { value: 2, name: "rest" },
    ]);
    expect(given).toMatchObject({ category, type: { meaning: "Tissue" } });
    expect(other?.category.meaning).toBe("Tissue");
    expect(other?.colourRgb).not.toEqual(given?.colourRgb);
  });
});
