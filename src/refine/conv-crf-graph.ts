import type { Size3 } from "#src/imaging/affine.js";
import { type OnnxConstant, type OnnxGraph, type OnnxNode, onnxFile } from "#src/model/onnx/write.js";

/** Probabilities are raised to this before their logarithm is taken, as in the exact CRF. */
const SMALLEST_PROBABILITY = 1e-5;

export interface CrfWindow {
  readonly size: Size3;
  /** Classes, background included. */
  readonly classes: number;
  /** Images that the bilateral kernel compares. */
  readonly channels: number;
  /** Largest distance between two voxels that speak to each other, along x, y, z in voxels. */
  readonly radiusVox: Size3;
  readonly iterations: number;
  /** Widths of the Gaussian along x, y, z in voxels. Null: no such kernel. */
  readonly smoothness: { readonly weight: number; readonly widthVox: readonly [number, number, number] } | null;
  readonly appearance: { readonly weight: number; readonly widthVox: readonly [number, number, number] } | null;
}

export const CRF_INPUT = "input";
export const CRF_OUTPUT = "marginals";

/**
 * The dense CRF with a truncated window (Teichmann and Cipolla 2018, arXiv:1805.04777) as an ONNX graph: the energy of
 * the exact one (Krähenbühl and Koltun 2011, Potts model, symmetric normalisation, own share included), but a voxel
 * hears only those in a box around it, and their Gaussian weights are exact. Nothing lies outside the volume.
 *
 * `input`: [1, classes + channels, z, y, x], probabilities first, then images divided by the kernel's width.
 * `marginals`: [1, classes, z, y, x]. All is float32. Operators are those that CPU and CUDA providers have; what grows
 * with the window is a loop over its offsets, so memory does not.
 */
export function crfGraph(window: CrfWindow): Uint8Array {
  const [nx, ny, nz] = window.size;
  const shape = [nz, ny, nx];
  const builder = new GraphBuilder();
  const { classes, channels } = window;

  const axis1 = builder.ints("axis-channel", [1]);
  const cut = (name: string, from: number, to: number): string =>
    builder.add("Slice", [CRF_INPUT, builder.ints(`${name}-from`, [from]), builder.ints(`${name}-to`, [to]), axis1]);
  const clipped = builder.add("Clip", [
    cut("classes", 0, classes),
    builder.scalar("least", SMALLEST_PROBABILITY),
    builder.scalar("one", 1),
  ]);
  const unary = builder.add("Log", [clipped]);
  const ones = builder.filled(1, [1, 1, ...shape]);

  const kernels: Kernel[] = [];
  const { smoothness, appearance } = window;
  if (smoothness !== null) {
    kernels.push({ weight: smoothness.weight, filter: gaussian(builder, window, smoothness.widthVox) });
  }
  if (appearance !== null) {
    const image = cut("image", classes, classes + channels);
    kernels.push({ weight: appearance.weight, filter: bilateral(builder, window, appearance.widthVox, image) });
  }
  const normed = kernels.map((kernel, n) => {
    const sum = builder.add("Add", [kernel.filter(ones, 1), builder.scalar("tiny", 1e-20)]);
    const norm = builder.add("Reciprocal", [builder.add("Sqrt", [sum])]);
    return { ...kernel, norm, factor: builder.scalar(`weight-${n}`, kernel.weight) };
  });

  let marginals = builder.add("Softmax", [unary], { axis: 1 });
  for (let iteration = 0; iteration < window.iterations; iteration++) {
    let energy = unary;
    for (const { filter, norm, factor } of normed) {
      const heard = filter(builder.add("Mul", [marginals, norm]), classes);
      const message = builder.add("Mul", [builder.add("Mul", [heard, norm]), factor]);
      energy = builder.add("Add", [energy, message]);
    }
    marginals = builder.add("Softmax", [energy], { axis: 1 });
  }
  builder.addAs(CRF_OUTPUT, "Identity", [marginals]);
  return onnxFile({
    nodes: builder.nodes,
    constants: builder.constants,
    inputs: [{ name: CRF_INPUT, type: "float", dims: [1, classes + channels, ...shape] }],
    outputs: [{ name: CRF_OUTPUT, type: "float", dims: [1, classes, ...shape] }],
  });
}

interface Kernel {
  readonly weight: number;
  /** Adds nodes that sum a tensor of so many channels over the window; gives the result's name. */
  readonly filter: (values: string, channels: number) => string;
}

type Triple = readonly [number, number, number];

/** Of places alone: a product of three sums, one an axis. */
function gaussian(builder: GraphBuilder, { size, radiusVox }: CrfWindow, widthVox: Triple): Kernel["filter"] {
  const [nx, ny, nz] = size;
  const axes = ([2, 1, 0] as const).flatMap((axis, n) => {
    const radius = radiusVox[axis];
    if (radius === 0) return [];
    const weights = Float32Array.from({ length: 2 * radius + 1 }, (_, i) =>
      Math.exp(exponent(i - radius, widthVox[axis])),
    );
    const along = (length: number, other: number): number[] => [0, 1, 2].map((m) => (m === n ? length : other));
    const kernel = builder.floats(`gaussian-${n}`, [1, 1, ...along(weights.length, 1)], weights);
    return [{ kernel, pads: [...along(radius, 0), ...along(radius, 0)] }];
  });
  return (values, channels) => {
    // Each channel is an image of its own.
    const one = builder.ints(`apart-${channels}`, [channels, 1, nz, ny, nx]);
    let sums = builder.add("Reshape", [values, one]);
    for (const { kernel, pads } of axes) sums = builder.add("Conv", [sums, kernel], { pads });
    return builder.add("Reshape", [sums, builder.ints(`together-${channels}`, [1, channels, nz, ny, nx])]);
  };
}

/** Of places and images: a loop over the offsets of the window. */
function bilateral(builder: GraphBuilder, window: CrfWindow, widthVox: Triple, image: string): Kernel["filter"] {
  const [rx, ry, rz] = window.radiusVox;
  const [nx, ny, nz] = window.size;
  const starts: number[] = [];
  const logWeights: number[] = [];
  for (let z = -rz; z <= rz; z++) {
    for (let y = -ry; y <= ry; y++) {
      for (let x = -rx; x <= rx; x++) {
        starts.push(z + rz, y + ry, x + rx);
        logWeights.push(exponent(x, widthVox[0]) + exponent(y, widthVox[1]) + exponent(z, widthVox[2]));
      }
    }
  }
  const offsets = builder.ints("window-starts", starts, [logWeights.length, 3]);
  const spatial = builder.floats("window-weights", [logWeights.length], Float32Array.from(logWeights));
  const count = builder.ints("window-count", [logWeights.length], []);
  const extent = builder.ints("extent", [nz, ny, nx]);
  const axes = builder.ints("axes", [2, 3, 4]);
  const half = builder.scalar("minus-half", -0.5);
  const pads = builder.ints("pads", [0, 0, rz, ry, rx, 0, 0, rz, ry, rx]);
  const wideImage = builder.add("Pad", [image, pads]);
  const channel = builder.ints("axis-channel", [1]);

  return (values, channels) => {
    const wide = builder.add("Pad", [values, pads]);
    const zeros = builder.filled(0, [1, channels, nz, ny, nx]);
    // A name inside may be none of those outside.
    const body = new GraphBuilder("step-");
    const from = body.add("Gather", [offsets, "step"]);
    const to = body.add("Add", [from, extent]);
    const apart = body.add("Sub", [image, body.add("Slice", [wideImage, from, to, axes])]);
    const squares = body.add("ReduceSum", [body.add("Mul", [apart, apart]), channel]);
    const power = body.add("Add", [body.add("Mul", [squares, half]), body.add("Gather", [spatial, "step"])]);
    const share = body.add("Mul", [body.add("Exp", [power]), body.add("Slice", [wide, from, to, axes])]);
    body.addAs("sum-out", "Add", ["sum", share]);
    body.addAs("go-on-out", "Identity", ["go-on"]);
    const loop: OnnxGraph = {
      nodes: body.nodes,
      constants: body.constants,
      inputs: [
        { name: "step", type: "int64", dims: [] },
        { name: "go-on", type: "bool", dims: [] },
        { name: "sum", type: "float" },
      ],
      outputs: [
        { name: "go-on-out", type: "bool", dims: [] },
        { name: "sum-out", type: "float" },
      ],
    };
    return builder.add("Loop", [count, "", zeros], { body: loop });
  };
}

function exponent(distance: number, width: number): number {
  return -0.5 * (distance / width) ** 2;
}

/** Collects nodes and constants and gives them names. */
class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly #constants = new Map<string, OnnxConstant>();
  readonly #prefix: string;

  constructor(prefix = "") {
    this.#prefix = prefix;
  }

  get constants(): readonly OnnxConstant[] {
    return [...this.#constants.values()];
  }

  /** @returns the name of the node's output */
  add(op: string, inputs: readonly string[], attributes: OnnxNode["attributes"] = {}): string {
    return this.addAs(`${this.#prefix}${op}-${this.nodes.length}`, op, inputs, attributes);
  }

  addAs(name: string, op: string, inputs: readonly string[], attributes: OnnxNode["attributes"] = {}): string {
    this.nodes.push({ op, inputs, outputs: [name], attributes });
    return name;
  }

  ints(name: string, values: readonly number[], dims: readonly number[] = [values.length]): string {
    this.#constants.set(name, { name, dims, values: BigInt64Array.from(values, BigInt) });
    return name;
  }

  /** A tensor of one value, which the file does not hold. */
  filled(value: number, dims: readonly number[]): string {
    return this.add("Expand", [this.scalar(`all-${value}`, value), this.ints(`shape-${dims[1]}`, dims)]);
  }

  scalar(name: string, value: number): string {
    return this.floats(name, [], Float32Array.of(value));
  }

  floats(name: string, dims: readonly number[], values: Float32Array): string {
    this.#constants.set(name, { name, dims, values });
    return name;
  }
}
