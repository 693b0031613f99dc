import { describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { voxelCount } from "#src/imaging/volume.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applySteps, type RefineInput } from "#src/refine/apply-steps.js";
import { nowhere } from "#src/refine/refine-state.js";

/** Rows of digits, y downwards; slices are separated by an empty row. */
function parse(text: string): { labels: Uint8Array; size: Size3 } {
  const slices = text
    .trim()
    .split(/\n\s*\n/)
    .map((slice) => slice.trim().split(/\s*\n\s*/));
  const labels = Uint8Array.from(slices.flat().join(""), Number);
  return { labels, size: [slices[0]?.[0]?.length ?? 0, slices[0]?.length ?? 0, slices.length] };
}

function inputOf(text: string, extra: Partial<RefineInput> = {}): RefineInput {
  return { ...parse(text), spacingMm: [1, 1, 1], probabilities: null, image: null, ...extra };
}

function refined(input: RefineInput, ...steps: unknown[]): string {
  const { labels } = applySteps(
    input,
    steps.map((step) => RefineStep.parse(step)),
  );
  return render(labels, input.size);
}

function render(labels: Uint8Array | Uint16Array, [nx, ny, nz]: Size3): string {
  const row = (y: number, z: number): string => [...labels.subarray(nx * (y + ny * z), nx * (y + 1 + ny * z))].join("");
  const slice = (z: number): string => Array.from({ length: ny }, (_, y) => row(y, z)).join("\n");
  return Array.from({ length: nz }, (_, z) => slice(z)).join("\n\n");
}

const tidy = (text: string): string => render(parse(text).labels, parse(text).size);

/** The code with which a refinement ends. */
function failureOf(input: RefineInput, ...steps: unknown[]): string {
  try {
    refined(input, ...steps);
  } catch (error) {
    if (error instanceof PipelineError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "no failure";
}

const whole = (size: Size3, byLabel: Record<number, number[]>): RefineInput["probabilities"] => ({
  start: [0, 0, 0],
  size,
  byLabel: new Map(Object.entries(byLabel).map(([label, p]) => [Number(label), Float32Array.from(p)])),
});

describe("threshold", () => {
  const input = inputOf("1122", { probabilities: whole([4, 1, 1], { 1: [0.9, 0.5, 0.3, 0], 2: [0, 0.4, 0.5, 0.75] }) });

  it("keeps a label where its own probability reaches the threshold", () => {
    expect(refined(input, { kind: "threshold", labels: [1, 2], probability: 0.5 })).toBe("1122");
    expect(refined(input, { kind: "threshold", labels: [1, 2], probability: 0.75 })).toBe("1002");
    expect(refined(input, { kind: "threshold", labels: [2], probability: 0.75 })).toBe("1102");
  });

  it("looks up probabilities in their box, and outside it has none", () => {
    const boxed = inputOf(
      `
      0012
      0110
      0110
      `,
      {
        probabilities: {
          start: [1, 1, 0],
          size: [2, 2, 1],
          byLabel: new Map([[1, Float32Array.of(0.9, 0.6, 0.6, 0.9)]]),
        },
      },
    );
    expect(refined(boxed, { kind: "threshold", labels: [1], probability: 0.7 })).toBe("0002\n0100\n0010");
  });
});

describe("otsu", () => {
  it("counts no voxel of another label: over the image", () => {
    const input = inputOf("0011022200", { image: Float32Array.of(10, 10, 100, 100, 10, 900, 1000, 990, 10, 10) });
    const step = { kind: "otsu", labels: [1], source: "image" };
    expect(refined(input, step)).toBe("0011022200");
    const dark = Float32Array.from(input.image ?? [], (value) => (value > 800 ? 10 : value));
    expect(refined({ ...input, image: dark }, step)).toBe("0011022200");
  });

  it("counts no voxel of another label: by probability", () => {
    const p = [0, 0.02, 0.3, 0.32, 0.01, 0.9, 0.95, 0.93, 0.01, 0];
    const input = inputOf("0011022200", { probabilities: whole([10, 1, 1], { 1: p, 2: p }) });
    expect(refined(input, { kind: "otsu", labels: [1] })).toBe("0011022200");
    // Voxels of labels that are decided together count for each of them.
    expect(refined(input, { kind: "otsu", labels: [1, 2] })).toBe("0000011100");
  });

  it("takes the probability of a label outside its box for 0", () => {
    const probabilities = {
      start: [2, 0, 0],
      size: [4, 1, 1],
      byLabel: new Map([[1, Float32Array.of(0.9, 0.8, 0.85, 0.9)]]),
    } as const;
    const input = inputOf("1111112", { probabilities });
    const step = { kind: "otsu", labels: [1], over: "labels" };
    expect(refined(input, step)).toBe("0011112");
    expect(refined(input, { ...step, keep: [0] })).toBe("1100002");
  });
});

describe("steps after a network that saw nothing", () => {
  const image = Float32Array.of(10, 10, 200, 200, 10, 10);
  const input = { ...inputOf("000000"), image, probabilities: nowhere([1, 2]), modelLabels: [1, 2] };
  const found = { kind: "otsu", labels: [1], source: "image" };

  it("have probabilities of 0 for what a step found in the image", () => {
    expect(refined(input, found)).toBe("001100");
    expect(refined(input, found, { kind: "threshold", labels: [1], probability: 0.5 })).toBe("000000");
    const screen = { kind: "screen-components", labels: [1], score: { statistic: "mean", min: 0.5 } };
    expect(refined(input, found, screen)).toBe("000000");
  });

  it.each([
    { kind: "threshold", labels: [2], probability: 0.5, from: "probabilities" },
    { kind: "hysteresis", labels: [2], low: 0.1, high: 0.5 },
    { kind: "score-triplet", labels: [2], topScore: 0.5, bottomScore: 0.1, minVoxels: 1, scope: "slice" },
    { kind: "score-triplet", labels: [2], topScore: 0.5, bottomScore: 0.1, minVoxels: 1, scope: "component" },
    { kind: "otsu", labels: [2] },
    { kind: "otsu", labels: [2], over: "labels" },
    { kind: "otsu", labels: [2], classes: 3 },
    { kind: "superpixel-vote", edgeMm: 2, use: "probabilities" },
    { kind: "dense-crf", smoothness: { weight: 1, widthMm: 1 } },
  ])("decide in an empty box, and so nothing: %o", (step) => {
    expect(refined(input, step)).toBe("000000");
    expect(refined(input, found, step)).toBe("001100");
  });

  it("have them too after a CRF on a map that is empty", () => {
    const crf = {
      kind: "dense-crf",
      unary: { from: "labels", confidence: 0.9 },
      smoothness: { weight: 1, widthMm: 1 },
    };
    const probabilities = whole([6, 1, 1], { 1: [0.4, 0.4, 0.4, 0.4, 0.4, 0.4], 2: [0, 0, 0, 0, 0, 0] });
    const steps = [crf, found, { kind: "threshold", labels: [1], probability: 0.3 }];
    expect(refined({ ...input, probabilities }, ...steps)).toBe("000000");
  });
});

describe("largest-component", () => {
  const text = `
    1100200
    1100200
    0010000
    0000011
    `;
  it("keeps the largest part of the union of its labels", () => {
    expect(refined(inputOf(text), { kind: "largest-component", labels: [1, 2] })).toBe(
      tidy("1100000\n1100000\n0010000\n0000000"),
    );
  });

  it("looks at its labels only", () => {
    expect(refined(inputOf(text), { kind: "largest-component", labels: [1] })).toBe(
      tidy("1100200\n1100200\n0010000\n0000000"),
    );
  });

  it("joins by corners or not, as told", () => {
    expect(refined(inputOf(text), { kind: "largest-component", labels: [1], connectivity: 6 })).toBe(
      tidy("1100200\n1100200\n0000000\n0000000"),
    );
  });

  it("keeps parts of the same size", () => {
    expect(refined(inputOf("1101011"), { kind: "largest-component", labels: [1] })).toBe("1100011");
  });
});

describe("remove-small", () => {
  const step = { kind: "remove-small", labels: [1, 2], minMm3: 3 };

  it("removes the parts of each label that are smaller than a volume", () => {
    expect(refined(inputOf("1112201101"), step)).toBe("1110000000");
    expect(refined(inputOf("1112201101"), { ...step, minMm3: 2 })).toBe("1112201100");
    expect(refined(inputOf("1112201101"), { ...step, labels: [2] })).toBe("1110001101");
  });

  it("measures in millimetres", () => {
    const large: Vec3 = [1, 1, 1.5];
    expect(refined(inputOf("1112201101", { spacingMm: large }), step)).toBe("1112201100");
    // Three voxels of a tenth by a tenth by a hundred millimetres: exactly the volume, whatever the rounding.
    const thin: Vec3 = [0.1, 0.1, 100];
    expect(refined(inputOf("1112201101", { spacingMm: thin }), step)).toBe("1110000000");
  });

  it("joins by corners or not, as told", () => {
    const diagonal = inputOf("100\n010\n001");
    expect(refined(diagonal, step)).toBe("100\n010\n001");
    expect(refined(diagonal, { ...step, connectivity: 18 })).toBe("100\n010\n001");
    expect(refined(diagonal, { ...step, connectivity: 6 })).toBe("000\n000\n000");
  });
});

describe("fill-holes", () => {
  const shell = `
    1111
    1111
    1111
    1111

    1111
    1001
    1021
    1111

    1111
    1111
    1111
    1111
    `;

  it("gives a label the background it encloses, and no other label", () => {
    expect(refined(inputOf(shell), { kind: "fill-holes", labels: [1] }).split("\n\n")[1]).toBe(
      "1111\n1111\n1121\n1111",
    );
    expect(refined(inputOf(shell), { kind: "fill-holes", labels: [2] })).toBe(tidy(shell));
  });

  it("fills slices on their own, or the volume only", () => {
    const tube = "111\n101\n111\n\n111\n101\n111";
    expect(refined(inputOf(tube), { kind: "fill-holes", labels: [1] })).toBe(tube);
    expect(refined(inputOf(tube), { kind: "fill-holes", labels: [1], dimensions: 2 })).toBe(tube.replaceAll("0", "1"));
  });
});

describe("applySteps", () => {
  const steps = [
    { kind: "fill-holes", labels: [1] },
    { kind: "largest-component", labels: [1] },
  ];

  it("applies steps in their order and says how many voxels each changed", () => {
    const input = inputOf("111010\n101000\n111000");
    const output = applySteps(
      input,
      steps.map((step) => RefineStep.parse(step)),
    );
    expect(render(output.labels, input.size)).toBe("111000\n111000\n111000");
    expect(output.steps).toEqual([
      { kind: "fill-holes", changedVoxels: 1 },
      { kind: "largest-component", changedVoxels: 1 },
    ]);
  });

  it("leaves its input alone and keeps the type of its array", () => {
    const input = { ...inputOf("1101"), labels: Uint16Array.of(300, 300, 0, 300) };
    const output = applySteps(input, [RefineStep.parse({ kind: "largest-component", labels: [300] })]);
    expect(output.labels).toEqual(Uint16Array.of(300, 300, 0, 0));
    expect(input.labels).toEqual(Uint16Array.of(300, 300, 0, 300));
    expect(applySteps(input, []).labels).not.toBe(input.labels);
  });

  it("leaves an empty label map empty, whatever the step, with nothing else handed over", () => {
    const empty = inputOf("000\n000\n000");
    for (const step of [
      { kind: "threshold", labels: [1], probability: 0.5 },
      { kind: "largest-component", labels: [1] },
      { kind: "remove-small", labels: [1], minMm3: 5 },
      { kind: "fill-holes", labels: [1] },
      { kind: "dense-crf", smoothness: { weight: 1, widthMm: 2 } },
    ]) {
      expect(refined(empty, step)).toBe("000\n000\n000");
    }
  });

  it("does the same to renamed labels", () => {
    const text = "1100200\n1000200\n0010002";
    const rename = (s: string): string => s.replaceAll("1", "x").replaceAll("2", "1").replaceAll("x", "2");
    const step = { kind: "largest-component", connectivity: 6 };
    expect(rename(refined(inputOf(text), { ...step, labels: [2] }))).toBe(
      refined(inputOf(rename(text)), { ...step, labels: [1] }),
    );
  });

  it("refuses steps in millimetres on an image without spacing, by name", () => {
    const input = inputOf("1100", { spacingMm: null, probabilities: whole([4, 1, 1], { 1: [1, 1, 0, 0] }) });
    const fill = { kind: "fill-holes", labels: [1] };
    expect(refined(input, fill)).toBe("1100");
    expect(failureOf(input, fill, { kind: "remove-small", labels: [1], minMm3: 1 })).toBe(
      "InputMismatch: refinement step 2 (remove-small) is in millimetres, but the image has no voxel spacing",
    );
    expect(failureOf(input, { kind: "dense-crf", smoothness: { weight: 1, widthMm: 2 } })).toMatch(
      /^InputMismatch: refinement step 1 \(dense-crf\)/,
    );
  });

  it("says what a step needed and did not get", () => {
    const threshold = { kind: "threshold", labels: [2], probability: 0.5 };
    const crf = { kind: "dense-crf", smoothness: { weight: 1, widthMm: 2 } };
    const coloured = { kind: "dense-crf", appearance: { weight: 1, widthMm: 2, widthSd: 1 } };
    const probabilities = whole([4, 1, 1], { 1: [1, 1, 0, 1] });
    expect(failureOf(inputOf("1101"), threshold)).toMatch(/^ContractViolation: .*needs probabilities/);
    expect(failureOf(inputOf("1101", { probabilities }), threshold)).toMatch(/^ContractViolation: .*label 2/);
    expect(failureOf(inputOf("1102", { probabilities }), crf)).toMatch(/^ContractViolation: .*label 2/);
    expect(failureOf(inputOf("1101", { probabilities }), coloured)).toMatch(/^ContractViolation: .*needs the image/);
    expect(failureOf(inputOf("1101", { probabilities: whole([4, 1, 1], { 1: [1] }) }), crf)).toMatch(
      /^ContractViolation: .*expected 4 x 1 x 1/,
    );
    const image = Float32Array.of(1, Number.NaN, 2, 3);
    expect(failureOf(inputOf("1101", { probabilities, image }), coloured)).toMatch(/^ContractViolation: image holds/);
  });

  it("ends with InferenceFailed when a probability is not a number", () => {
    const probabilities = whole([4, 1, 1], { 1: [1, Number.NaN, 0, 1] });
    for (const step of [
      { kind: "threshold", labels: [1], probability: 0.5 },
      { kind: "dense-crf", smoothness: { weight: 1, widthMm: 2 } },
    ]) {
      expect(failureOf(inputOf("1101", { probabilities }), step)).toMatch(/^InferenceFailed: /);
    }
  });
});

describe("dense-crf", () => {
  const SIZE: Size3 = [14, 12, 4];
  const VOXELS = voxelCount(SIZE);
  const noise = (i: number): number => Math.sin(i * 12.9898 + Math.sin(i * 78.233) * 43) * 0.5;
  /** A box of brighter voxels; its noisy probabilities; the labels they give. */
  function scene(size: Size3 = SIZE) {
    const [nx, ny] = size;
    const inside = Array.from({ length: voxelCount(size) }, (_, i) => {
      const [x, y] = [i % nx, Math.floor(i / nx) % ny];
      return x >= 4 && x < 10 && y >= 3 && y < 9;
    });
    const image = Float32Array.from(inside, (set, i) => (set ? 140 : 60) + 20 * noise(i + 5000));
    const p = inside.map((set, i) => Math.min(0.98, Math.max(0.02, (set ? 0.68 : 0.32) + 0.7 * noise(i))));
    const labels = Uint8Array.from(p, (v) => (v > 0.5 ? 1 : 0));
    const input: RefineInput = { labels, size, spacingMm: [1, 1, 3], probabilities: whole(size, { 1: p }), image };
    return { input, truth: Uint8Array.from(inside, Number), p };
  }
  const { input, truth, p } = scene();
  const wrong = (labels: ArrayLike<number>): number => truth.reduce((n, v, i) => n + (v === labels[i] ? 0 : 1), 0);
  const smoothness = { weight: 2, widthMm: 1.5 };
  const appearance = { weight: 3, widthMm: 5, widthSd: 0.7 };
  const run = (step: object, from: RefineInput = input): Uint8Array | Uint16Array =>
    applySteps(from, [RefineStep.parse({ kind: "dense-crf", ...step })]).labels;
  const base = run({ smoothness, appearance });

  it("cleans a noisy decision", () => {
    expect(wrong(input.labels)).toBeGreaterThan(VOXELS / 20);
    expect(wrong(base)).toBeLessThan(wrong(input.labels) / 10);
  });

  it("changes nothing without weights, without kernels and without iterations", () => {
    expect(run({})).toEqual(input.labels);
    expect(run({ iterations: 0, smoothness })).toEqual(input.labels);
    expect(run({ smoothness: { ...smoothness, weight: 0 }, appearance: { ...appearance, weight: 0 } })).toEqual(
      input.labels,
    );
    // The same through the arithmetic, at a weight too small to move anything.
    expect(run({ smoothness: { ...smoothness, weight: 1e-12 } })).toEqual(input.labels);
  });

  /** Marginals, seen through a threshold: the labels alone are too coarse to show every option. */
  function share(step: object, from: RefineInput = input): number[] {
    return [0.6, 0.7, 0.8, 0.9, 0.95, 0.99].map((probability) => {
      const steps = [
        { kind: "dense-crf", ...step },
        { kind: "threshold", labels: [1], probability },
      ].map((s) => RefineStep.parse(s));
      return [...applySteps(from, steps).labels].reduce((sum, v) => sum + v, 0);
    });
  }

  it.each([
    ["dimensions", { smoothness, appearance, dimensions: 2 }],
    ["iterations", { smoothness, appearance, iterations: 1 }],
    ["smoothness", { appearance }],
    ["smoothness.weight", { smoothness: { ...smoothness, weight: 0.2 }, appearance }],
    ["smoothness.widthMm", { smoothness: { ...smoothness, widthMm: 6 }, appearance }],
    ["appearance", { smoothness }],
    ["appearance.weight", { smoothness, appearance: { ...appearance, weight: 0.3 } }],
    ["appearance.widthMm", { smoothness, appearance: { ...appearance, widthMm: 1 } }],
    ["appearance.widthSd", { smoothness, appearance: { ...appearance, widthSd: 0.05 } }],
  ])("listens to %s", (_, step) => {
    expect(share(step)).not.toEqual(share({ smoothness, appearance }));
  });

  it("measures widths in millimetres", () => {
    const finer = { ...input, spacingMm: [0.5, 0.5, 1.5] as const };
    const halved = { smoothness: { ...smoothness, widthMm: 0.75 }, appearance: { ...appearance, widthMm: 2.5 } };
    expect(run(halved, finer)).toEqual(base);
    expect(share({ smoothness, appearance }, finer)).not.toEqual(share({ smoothness, appearance }));
  });

  it("does not care for the scale of the intensities", () => {
    const image = input.image?.map((v) => 4 * v) ?? null;
    expect(run({ smoothness, appearance }, { ...input, image })).toEqual(base);
  });

  it("learns nothing from an image without contrast", () => {
    const flat = { ...input, image: new Float32Array(VOXELS).fill(77) };
    const zero = { ...input, image: new Float32Array(VOXELS) };
    expect(run({ smoothness, appearance }, flat)).toEqual(run({ smoothness, appearance }, zero));
    expect(run({ smoothness, appearance }, flat)).not.toEqual(base);
  });

  it("does the same to renamed labels", () => {
    const renamed: RefineInput = {
      ...input,
      labels: input.labels.map((v) => 5 * v),
      probabilities: whole(SIZE, { 5: p }),
    };
    expect(run({ smoothness, appearance }, renamed)).toEqual(base.map((v) => 5 * v));
  });

  it("gives a mirrored answer to a mirrored image, but for voxels on the brink", () => {
    const mirror = <T extends Uint8Array | Uint16Array | Float32Array>(data: T): T => data.slice().reverse() as T;
    const mirrored: RefineInput = {
      ...input,
      labels: mirror(input.labels),
      image: input.image && mirror(input.image),
      probabilities: whole(SIZE, { 1: [...p].reverse() }),
    };
    const back = mirror(run({ smoothness, appearance }, mirrored));
    // The lattice is not symmetric (nor is the reference's), so a few voxels may tip.
    expect(back.filter((v, i) => v !== base[i]).length).toBeLessThanOrEqual(VOXELS / 200);
  });

  it("treats each slice on its own when told to", () => {
    const sliceSize: Size3 = [SIZE[0], SIZE[1], 1];
    const n = voxelCount(sliceSize);
    const step = { smoothness, appearance: { ...appearance, widthSd: 1e9 }, dimensions: 2 };
    const volume = run(step);
    const second: RefineInput = {
      labels: input.labels.slice(n, 2 * n),
      size: sliceSize,
      spacingMm: input.spacingMm,
      probabilities: whole(sliceSize, { 1: p.slice(n, 2 * n) }),
      image: input.image?.slice(n, 2 * n) ?? null,
    };
    expect(volume.slice(n, 2 * n)).toEqual(run(step, second));
  });

  it("touches only the box of the probabilities", () => {
    const size: Size3 = [SIZE[0] + 3, SIZE[1] + 2, SIZE[2] + 1];
    const labels = new Uint8Array(voxelCount(size));
    const image = new Float32Array(voxelCount(size)).fill(1e6);
    const at = (i: number): number => {
      const [x, y, z] = [i % SIZE[0], Math.floor(i / SIZE[0]) % SIZE[1], Math.floor(i / (SIZE[0] * SIZE[1]))];
      return x + 2 + size[0] * (y + 1 + size[1] * (z + 1));
    };
    for (let i = 0; i < VOXELS; i++) {
      labels[at(i)] = input.labels[i] ?? 0;
      image[at(i)] = input.image?.[i] ?? 0;
    }
    labels[0] = 1;
    const box = { start: [2, 1, 1] as const, size: SIZE, byLabel: input.probabilities?.byLabel ?? new Map() };
    const out = run({ smoothness, appearance }, { ...input, labels, size, image, probabilities: box });
    expect(out[0]).toBe(1);
    expect(Uint8Array.from(base, (_, i) => out[at(i)] ?? 9)).toEqual(base);
  });

  it("decides between several labels", () => {
    const twoOf = (set: boolean, i: number): number => (set && i % SIZE[0] >= 7 ? 1 : 0);
    const first = p.map((v, i) => v * (0.95 - 0.9 * twoOf(truth[i] === 1, i)));
    const second = p.map((v, i) => v - (first[i] ?? 0));
    const labels = Uint8Array.from(p, (v, i) => {
      const all = [1 - v, first[i] ?? 0, second[i] ?? 0];
      return all.indexOf(Math.max(...all));
    });
    const probabilities = whole(SIZE, { 4: first, 9: second });
    const values = [0, 4, 9];
    const three = { ...input, labels: labels.map((v) => values[v] ?? 0), probabilities };
    const expected = truth.map((v, i) => (v === 0 ? 0 : (values[1 + twoOf(true, i)] ?? 0)));
    const out = run({ smoothness, appearance }, three);
    const errors = (found: ArrayLike<number>): number => expected.reduce((n, v, i) => n + (v === found[i] ? 0 : 1), 0);
    expect(errors(out)).toBeLessThan(errors(three.labels) / 2);
    expect(new Set(out)).toEqual(new Set(values));
  });
});
