import { describe, expect, it } from "vitest";
import { DenseCrfStep } from "#src/model/dense-crf-step.js";
import { renderReport } from "#src/report/report-html.js";
import type { ReportInput } from "#src/report/report-input.js";
import { renderReportJson } from "#src/report/report-json.js";
import { brightManifest, brightNetwork } from "../../support/tiny-models.js";

const model = brightManifest(brightNetwork(), {
  postprocess: [
    { kind: "largest-component", labels: [1], connectivity: 26, scope: "union", ties: "all" },
    DenseCrfStep.parse({ kind: "dense-crf", smoothness: { weight: 3, widthMm: 2 } }),
  ],
  scores: [
    { dataset: "D", split: "held out", label: "bright", metric: "Dice", mean: 0.8765, interval: [0.8, 0.9], cases: 7 },
  ],
});

function input(changes: Partial<ReportInput> = {}): ReportInput {
  return {
    identity: `r-${"ab".repeat(20)}`,
    notice: "Research use only, not a medical device.",
    model,
    modelDigest: "c".repeat(64),
    refine: "on",
    source: { format: "dicom", modality: "MR", size: [20, 30, 10], spacingMm: [1, 1, 3.0001], orientation: "LPS" },
    structures: [
      { label: 1, name: "bright", displayName: "Bright", voxels: 12_345, volumeMl: 12.345, centroidRasMm: [1, -2, 3] },
    ],
    warnings: [{ code: "MaskTouchesBorder", message: "bright reaches the edge" }],
    files: [{ name: "labels.nii.gz", size: 4321, sha256: "d".repeat(64) }],
    pictures: [
      { png: Uint8Array.of(1, 2, 3), width: 10, height: 5, caption: "axial: all 3 slices", alt: "three slices" },
    ],
    stages: [{ stage: "segment", seconds: 3.25 }],
    ...changes,
  };
}

const withoutTiming = (page: string) => page.replace(/<section id="timing">[\s\S]*?<\/section>/, "");

describe("renderReport", () => {
  it("states notice, structures, warnings, model, steps, source, files and times", () => {
    const page = renderReport(input());
    const expected = [
      "Research use only, not a medical device.",
      "12,345",
      "12.35",
      "1.0, -2.0, 3.0",
      "MaskTouchesBorder",
      "bright reaches the edge",
      "bright3d 1.0.0",
      "images other than any (MR, CT)",
      "c".repeat(64),
      "CC0-1.0",
      "0.876",
      "largest-component: connectivity 26; labels 1",
      "dense-crf: dimensions 3; iterations 5; smoothness normalisation symmetric, weight 3, widthMm 2; tolerance 0",
      "20 × 30 × 10",
      "1 × 1 × 3",
      "d".repeat(64),
      "3.25",
      `data:image/png;base64,${Buffer.from([1, 2, 3]).toString("base64")}`,
      'alt="three slices"',
    ];
    for (const text of expected) expect(page).toContain(text);
  });

  it("needs nothing outside itself", () => {
    const page = renderReport(input());
    expect(page).not.toMatch(/<script|<link|@import|url\(|\bon\w+=/i);
    const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
    expect(addresses.every((address) => address?.startsWith("data:image/png;base64,"))).toBe(true);
  });

  it("escapes every text that is put in", () => {
    const evil = `"><script>alert('1')</script>&`;
    const [label] = model.labels;
    if (!label) throw new Error("model has no label");
    const page = renderReport(
      input({
        notice: evil,
        model: {
          ...model,
          title: evil,
          description: evil,
          licence: { weights: evil },
          trainingData: [{ name: evil, licence: evil }],
          labels: [{ ...label, displayName: evil }],
        },
        source: { format: "nifti", modality: evil, size: [1, 1, 1], spacingMm: null, orientation: evil },
        structures: [{ label: 1, name: evil, displayName: evil, voxels: 0, volumeMl: null, centroidRasMm: null }],
        warnings: [{ code: evil, message: evil }],
        files: [{ name: evil, size: 1, sha256: evil }],
        pictures: [{ png: Uint8Array.of(1), width: 1, height: 1, caption: evil, alt: evil }],
        stages: [{ stage: evil, seconds: 1 }],
      }),
    );
    expect(page).not.toContain("<script");
    expect(page).toContain("&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;");
  });

  it("closes every element it opens", () => {
    const open: string[] = [];
    const page = renderReport(input()).replace(/<!DOCTYPE html>/, "");
    for (const [, slash, name = ""] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
      if (["meta", "img"].includes(name)) continue;
      if (slash) expect(open.pop()).toBe(name);
      else open.push(name);
    }
    expect(open).toEqual([]);
  });

  it("says in the timing section on what device the network ran", () => {
    const page = renderReport(input({ stages: [{ stage: "segment", seconds: 1, provider: "cuda" }] }));
    expect(page).toContain('<th scope="row">segment (cuda)</th>');
    expect(withoutTiming(page)).not.toContain("cuda");
  });

  it("differs between two runs in the timing section alone", () => {
    const [one, two] = [3.25, 4.5].map((seconds) => renderReport(input({ stages: [{ stage: "segment", seconds }] })));
    expect(one).not.toBe(two);
    expect(withoutTiming(one ?? "")).toBe(withoutTiming(two ?? ""));
  });

  it("says that the steps were left out", () => {
    const page = renderReport(input({ refine: "off" }));
    expect(page).toContain("left out on request");
    expect(page).not.toContain("largest-component");
  });

  it("says unknown where the source gives no spacing", () => {
    const structures = [
      { label: 1, name: "bright", displayName: "Bright", voxels: 0, volumeMl: null, centroidRasMm: null },
    ];
    const source = { format: "nifti" as const, modality: null, size: [4, 4, 1] as const, spacingMm: null };
    const page = renderReport(input({ structures, source: { ...source, orientation: "RAS" } }));
    expect(page).toContain(">unknown<");
    expect(page).toContain(">not given<");
  });

  it("explains letters only where the source says how it lies", () => {
    const { source } = input();
    const [placed, nowhere] = ["LPS", null].map((orientation) =>
      renderReport(input({ source: { ...source, orientation } })),
    );
    expect(placed).toContain("R right, L left");
    expect(nowhere).not.toContain("R right, L left");
    expect(nowhere).toContain("no directions are marked");
    expect(nowhere).toContain('<th scope="row">Axes grow towards</th><td>not given</td>');
  });
});

describe("renderReportJson", () => {
  it("is the same whatever the times", () => {
    expect(renderReportJson(input({ stages: [] }))).toBe(renderReportJson(input()));
  });

  it("states the same facts as the page", () => {
    const facts = JSON.parse(renderReportJson(input()));
    expect(facts).toMatchObject({
      schemaVersion: 1,
      identity: `r-${"ab".repeat(20)}`,
      model: { id: "bright3d", licence: "CC0-1.0", digest: "c".repeat(64) },
      structures: [{ name: "bright", voxels: 12_345 }],
      warnings: [{ code: "MaskTouchesBorder" }],
      source: { size: [20, 30, 10] },
    });
    expect(facts.settings[0]).toBe("largest-component: connectivity 26; labels 1; scope union; ties all");
  });
});
