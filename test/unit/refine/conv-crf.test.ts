import { beforeAll, describe, expect, it } from "vitest";
import { PipelineError } from "#src/core/errors.js";
import type { Size3 } from "#src/imaging/affine.js";
import { ortSessions } from "#src/inference/ort-session.js";
import { runOnce } from "#src/inference/run-once.js";
import { RefineStep } from "#src/model/refine-steps.js";
import { applyStepsWith, type RefineInput } from "#src/refine/apply-steps.js";
import { CRF_INPUT, CRF_OUTPUT, type CrfWindow, crfGraph } from "#src/refine/conv-crf-graph.js";

const run = runOnce(ortSessions("cpu"));

/** Mean-field with every sum written out, in double precision. */
function written(window: CrfWindow, p: readonly Float32Array[], images: readonly Float32Array[]): number[][] {
  const [nx, ny, nz] = window.size;
  const voxels = nx * ny * nz;
  const place = (i: number) => [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
  const kernels = [
    { kernel: window.smoothness, seen: [] },
    { kernel: window.appearance, seen: images },
  ].flatMap(({ kernel, seen }) => {
    if (kernel === null) return [];
    const k = Array.from({ length: voxels }, (_, i) =>
      Array.from({ length: voxels }, (_, j) => {
        const [a, b] = [place(i), place(j)];
        const apart = a.map((at, axis) => at - (b[axis] ?? 0));
        if (apart.some((d, axis) => Math.abs(d) > (window.radiusVox[axis] ?? 0))) return 0;
        let squares = 0;
        for (const [axis, d] of apart.entries()) squares += (d / (kernel.widthVox[axis] ?? 1)) ** 2;
        for (const image of seen) squares += ((image[i] ?? 0) - (image[j] ?? 0)) ** 2;
        return Math.exp(-0.5 * squares);
      }),
    );
    const norms = k.map((row) => 1 / Math.sqrt(row.reduce((sum, value) => sum + value, 0) + 1e-20));
    return [{ k, norms, weight: kernel.weight }];
  });
  const softmax = (energies: number[][]): number[][] => {
    const sums = Array.from({ length: voxels }, (_, i) => energies.reduce((sum, e) => sum + Math.exp(e[i] ?? 0), 0));
    return energies.map((e) => e.map((value, i) => Math.exp(value) / (sums[i] ?? 1)));
  };
  const unary = p.map((of) => Array.from(of, (value) => Math.log(Math.min(1, Math.max(1e-5, value)))));
  let q = softmax(unary);
  for (let iteration = 0; iteration < window.iterations; iteration++) {
    const energies = unary.map((of, label) =>
      of.map((value, i) => {
        let energy = value;
        for (const { k, norms, weight } of kernels) {
          let sum = 0;
          for (let j = 0; j < voxels; j++) sum += (k[i]?.[j] ?? 0) * (norms[j] ?? 0) * (q[label]?.[j] ?? 0);
          energy += weight * (norms[i] ?? 0) * sum;
        }
        return energy;
      }),
    );
    q = softmax(energies);
  }
  return q;
}

let state = 21;
const draw = (): number => {
  state = (state * 48_271) % 2_147_483_647;
  return state / 2_147_483_647;
};
const noise = (n: number): Float32Array => Float32Array.from({ length: n }, draw);

function probabilities(classes: number, voxels: number): Float32Array[] {
  const scores = Array.from({ length: classes }, () => noise(voxels));
  const sums = Float32Array.from({ length: voxels }, (_, i) => scores.reduce((sum, s) => sum + (s[i] ?? 0) ** 3, 0));
  return scores.map((s) => s.map((value, i) => value ** 3 / (sums[i] ?? 1)));
}

async function byGraph(window: CrfWindow, p: readonly Float32Array[], images: readonly Float32Array[]) {
  const data = Float32Array.of(...[...p, ...images].flatMap((of) => [...of]));
  const [nx, ny, nz] = window.size;
  const shape = [1, window.classes + window.channels, nz, ny, nx];
  const graph = { bytes: crfGraph(window), inputName: CRF_INPUT, outputName: CRF_OUTPUT };
  return (await run(graph, { data, shape })).data;
}

/** Two classes on a small image with an edge; the code with which it ends, or the map. */
async function refined(step: object, extra: Partial<RefineInput> = {}): Promise<string> {
  const size: Size3 = [6, 4, 2];
  const p = Float32Array.from(
    { length: 48 },
    (_, i) => (i % 6 < 3 ? 0.7 : 0.2) + (i % 5 === 0 ? (i % 6 < 3 ? -0.4 : 0.4) : 0),
  );
  const input: RefineInput = {
    labels: Uint8Array.from(p, (value) => (value > 0.5 ? 7 : 0)),
    size,
    spacingMm: [1, 1, 2],
    probabilities: { start: [0, 0, 0], size, byLabel: new Map([[7, p]]) },
    image: Float32Array.from({ length: 48 }, (_, i) => (i % 6 < 3 ? 100 : 20)),
    ...extra,
  };
  const steps = [RefineStep.parse({ kind: "conv-crf", radiusMm: 3, ...step })];
  return applyStepsWith(input, steps, run).then(
    ({ labels }) => [...labels].map((label) => (label === 7 ? "#" : ".")).join(""),
    (error: unknown) => (error instanceof PipelineError ? `${error.code}: ${error.message}` : String(error)),
  );
}

const smoothness = { weight: 1.5, widthVox: [1.2, 0.9, 0.7] } as const;
const appearance = { weight: 2.5, widthVox: [3, 2.5, 2] } as const;

describe("the graph of the CRF with a window", () => {
  it.each([
    ["both kernels in 3-D", [6, 5, 4], 3, 1, { smoothness, appearance, radiusVox: [2, 1, 3] }],
    ["the bilateral one alone, of two images", [5, 4, 3], 2, 2, { smoothness: null, appearance, radiusVox: [2, 2, 1] }],
    ["the Gaussian alone", [7, 3, 4], 2, 0, { smoothness, appearance: null, radiusVox: [3, 1, 2] }],
    ["slices on their own", [8, 7, 2], 4, 1, { smoothness, appearance, radiusVox: [3, 2, 0] }],
    ["all that can be seen", [5, 4, 3], 2, 1, { smoothness, appearance, radiusVox: [4, 3, 2] }],
  ] as const)("gives the sums written out, to 1e-5: %s", async (_, size: Size3, classes, channels, options) => {
    const voxels = size[0] * size[1] * size[2];
    const p = probabilities(classes, voxels);
    const images = Array.from({ length: channels }, () => noise(voxels).map((value) => 3 * value));
    const window: CrfWindow = { size, classes, channels, iterations: 4, ...options };
    const found = await byGraph(window, p, images);
    const expected = written(window, p, images).flat();
    let most = 0;
    let moved = 0;
    for (const [i, value] of expected.entries()) {
      most = Math.max(most, Math.abs(value - (found[i] ?? 0)));
      moved = Math.max(moved, Math.abs(value - (p.flatMap((of) => [...of])[i] ?? 0)));
    }
    expect(most).toBeLessThan(1e-5);
    expect(moved).toBeGreaterThan(0.1);
  });
});

describe("conv-crf", () => {
  const clean = "###...".repeat(8);
  let noisy: string;
  beforeAll(async () => {
    noisy = await refined({ smoothness: { weight: 0, widthMm: 1 } });
  });

  it("leaves the likeliest class where no kernel has weight", () => {
    expect(noisy).not.toBe(clean);
    expect(noisy).toMatch(/^[.]##.*/);
  });

  it("brings labels to the edges of the image", async () => {
    const appearance = { weight: 4, widthMm: 3, widthSd: 0.5 };
    expect(await refined({ appearance })).toBe(clean);
    expect(await refined({ appearance: { ...appearance, weight: 0.1 } })).toBe(noisy);
    expect(await refined({ appearance: { ...appearance, widthSd: 50, weight: 8 } })).not.toBe(clean);
  });

  it("hears only what is in the window, and in its slice where told", async () => {
    const smooth = { smoothness: { weight: 3, widthMm: 3 } };
    expect(await refined({ ...smooth, radiusMm: 0.5 })).toBe(noisy);
    expect(await refined(smooth)).not.toBe(noisy);
    const upper = Float32Array.from({ length: 48 }, (_, i) => (i < 24 ? 0.9 : 0.45));
    const box = { start: [0, 0, 0], size: [6, 4, 2], byLabel: new Map([[7, upper]]) } as const;
    const strong = { smoothness: { weight: 6, widthMm: 4 } };
    expect(await refined(strong, { probabilities: box })).toBe("#".repeat(48));
    expect(await refined({ ...strong, dimensions: 2 }, { probabilities: box })).toBe("#".repeat(24) + ".".repeat(24));
  });

  it("does more in more iterations", async () => {
    const weak = { appearance: { weight: 1.1, widthMm: 2, widthSd: 1 }, radiusMm: 2 };
    expect(await refined({ ...weak, iterations: 1 })).not.toBe(await refined({ ...weak, iterations: 30 }));
  });

  it("ends with a code for what it cannot work on", async () => {
    const smooth = { smoothness: { weight: 3, widthMm: 3 } };
    const of = (value: number) =>
      ({ start: [0, 0, 0], size: [6, 4, 2], byLabel: new Map([[7, new Float32Array(48).fill(value)]]) }) as const;
    expect(await refined(smooth, { spacingMm: null })).toMatch(/^InputMismatch: .*no voxel spacing/);
    expect(await refined(smooth, { probabilities: of(Number.NaN) })).toMatch(/^InferenceFailed: .*not a number/);
    const size: Size3 = [40, 40, 40];
    const large = { start: [0, 0, 0], size, byLabel: new Map([[7, new Float32Array(64_000)]]) } as const;
    const whole = { size, labels: new Uint8Array(64_000), probabilities: large };
    expect(await refined({ ...smooth, radiusMm: 50 }, whole)).toMatch(/^InputMismatch: .*window of 318291 voxels/);
    expect(await refined(smooth, { probabilities: of(1.5) })).toMatch(/^InferenceFailed: /);
    expect(await refined(smooth, { probabilities: null })).toMatch(/^ContractViolation: .*needs probabilities/);
    expect(await refined(smooth, { probabilities: null, labels: new Uint8Array(48) })).toBe(".".repeat(48));
    expect(await refined(smooth, { labels: new Uint8Array(48).fill(3) })).toMatch(/^ContractViolation: .*label 3/);
    const seen = { appearance: { weight: 1, widthMm: 1, widthSd: 1 } };
    expect(await refined(seen, { image: null })).toMatch(/^ContractViolation: .*needs the image/);
    expect(await refined(seen, { image: new Float32Array(48).fill(Number.NaN) })).toMatch(/^ContractViolation: /);
    expect(await refined(seen, { image: new Float32Array(48).fill(3) })).toMatch(/^[.#]{48}$/);
    expect(await refined({ ...smooth, radiusMm: 100 }, { spacingMm: [0.1, 0.1, 0.1] })).toMatch(/^[.#]{48}$/);
  });

  it("is refused with a field's name where its options are none", () => {
    const field = (step: object): string =>
      RefineStep.safeParse({ kind: "conv-crf", radiusMm: 3, smoothness: { weight: 1, widthMm: 1 }, ...step })
        .error?.issues.map(({ path }) => path.join("."))
        .join() ?? "none";
    expect(field({})).toBe("none");
    expect(field({ smoothness: { weight: 1, widthMm: -2 } })).toBe("smoothness.widthMm");
    expect(field({ smoothness: { weight: -1, widthMm: 2 } })).toBe("smoothness.weight");
    expect(field({ appearance: { weight: 1, widthMm: 2, widthSd: 0 } })).toBe("appearance.widthSd");
    expect(field({ radiusMm: 0 })).toBe("radiusMm");
    expect(field({ iterations: 0 })).toBe("iterations");
    expect(field({ dimensions: 4 })).toBe("dimensions");
    expect(field({ smoothness: undefined })).toBe("smoothness");
  });
});
