import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { PipelineError } from "#src/core/errors.js";
import type { Provider } from "#src/core/ids.js";
import { cpuGraph, type RewriteGraph, type RunGraph } from "./cpu-graph.js";
import { FirstThatOpens } from "./first-that-opens.js";
import { freeArray } from "./free-array.js";
import { fromHalf, toHalf } from "./half-tensors.js";
import type { OperatorRun } from "./network-cost.js";
import type { Answer, NetworkSession, OpenSession } from "./network-session.js";
import { NetworkThreads } from "./network-threads.js";
import { type GraphFile, OwnSession } from "./own-session.js";
import { SharedNetwork } from "./shared-network.js";

// The runtime's builds report their use to their maker unless told not to; read when the first session opens.
process.env.ORT_DISABLE_TELEMETRY = "1";

/** Of a session whose runs have no others beside them, on every machine too: those of the convolutional CRF. */
export const THREADS_ALONE = 2;

/** How networks are run. */
interface OrtOptions {
  /**
   * Runs of one network under way at once on the CPU, each in a thread of its own with sessions of its own: what they
   * give does not hang on their number. @default 1: runs hold up the calling thread
   */
  readonly workers?: number;
  /** Threads of a session. Another number may give other bytes. @default as many as `threadsARun` says */
  readonly threads?: number;
  /** What a network is made into before it runs on a CPU; where the runtime refuses that, it runs as it is. */
  readonly rewrite?: RewriteGraph;
}

/**
 * Opens networks in ONNX Runtime on one kind of device. The only file that imports the runtime.
 *
 * @param provider "cuda" needs an NVIDIA GPU and the runtime's CUDA libraries, "tensorrt" TensorRT's besides; there is
 *   no silent fallback to another one
 */
export function ortSessions(provider: Provider, options: OrtOptions = {}): OpenSession {
  const { workers = 1, rewrite = cpuGraph } = options;
  const pool = provider === "cpu" ? NetworkThreads.for(workers) : null;
  // Some GPUs would round float32 to 10 bits in convolutions (TF32). The runtime's binding takes no option of CUDA; its
  // libraries read this when the first session opens.
  if (provider !== "cpu") process.env.NVIDIA_TF32_OVERRIDE = "0";
  let sessions = 0;
  return async (request) => {
    const { inputName, outputName } = request;
    const bytes = await request.bytes();
    const asItIs = { bytes, outputName, head: null };
    const made = provider === "cpu" ? rewrite(bytes, request) : { ...asItIs, threads: 1 };
    const { threads = made.threads } = options;
    const plain: RunGraph = { ...asItIs, threads };
    const here = (graph: RunGraph) => new OwnSession(graph, inputName, (file) => open(file, provider, threads));
    const before = made.bytes === bytes ? null : plain;
    if (pool === null) {
      return { ...(await new FirstThatOpens(made, before, here).use((one) => one.open())), threads };
    }
    const everywhere = (graph: RunGraph) => {
      const network = { key: sessions++, bytes: shared(graph.bytes), inputName, outputName: graph.outputName, threads };
      return new SharedNetwork(here({ ...graph, bytes: network.bytes }), network, pool);
    };
    const network = new FirstThatOpens(made, before, everywhere);
    return {
      threads,
      run: (input) => network.use((one) => one.run(input)),
      ready: (runs) => network.use((one) => one.ready(runs)),
      beside: {
        workers: pool.workers,
        isStarted: () => pool.areStarted,
        run: (input) => network.use((one) => one.runBeside(input)),
      },
      close: () => network.current.close(),
    };
  };
}

/** A copy in memory that all threads see. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/**
 * @throws {PipelineError} as `create`, and `ModelInvalid` for a network that has not the named input and output
 */
async function open(file: GraphFile, provider: Provider, threads: number): Promise<NetworkSession> {
  // The runtime takes no memory that is shared.
  const copy = file.bytes.buffer instanceof ArrayBuffer ? null : file.bytes.slice();
  const session = await create(copy ?? file.bytes, provider, threads);
  if (copy !== null) freeArray(copy);
  for (const [kind, name, found] of [
    ["input", file.inputName, session.inputNames],
    ["output", file.outputName, session.outputNames],
  ] as const) {
    if (!found.includes(name)) {
      throw new PipelineError("ModelInvalid", `network has ${kind}s ${found.join(", ")}, its manifest expects ${name}`);
    }
  }

  const takesHalf = session.inputMetadata.some(
    (input) => input.name === file.inputName && input.isTensor && input.type === "float16",
  );
  return {
    async run({ data, shape }) {
      const input = takesHalf ? new OrtTensor("float16", toHalf(data), shape) : new OrtTensor("float32", data, shape);
      const outputs = await session.run({ [file.inputName]: input }, [file.outputName]).catch((cause: unknown) => {
        throw isOutOfMemory(cause)
          ? new PipelineError("MemoryInsufficient", `no memory for a tensor of ${shape.join(" x ")} in the network`, {
              cause,
            })
          : new PipelineError("InferenceFailed", `network failed on a tensor of ${shape.join(" x ")}`, { cause });
      });
      const output = outputs[file.outputName];
      if (output?.type === "float16" && ArrayBuffer.isView(output.data)) {
        const data = fromHalf(output.data);
        freeArray(output.data);
        return answerOf(data, output.dims);
      }
      if (!output || !(output.data instanceof Float32Array)) {
        throw new PipelineError(
          "InferenceFailed",
          `network gave ${output?.type ?? "nothing"}, expected float32 or float16`,
        );
      }
      return answerOf(output.data, output.dims);
    },
    close: () => session.release(),
  };
}

function answerOf(data: Float32Array, shape: readonly number[]): Answer {
  return { data, shape, free: () => freeArray(data) };
}

/** What there is no kernel for on a device runs on the next one. The runtime refuses what it cannot start. */
const RUN_BY: Readonly<Record<Provider, readonly string[]>> = {
  cpu: ["cpu"],
  cuda: ["cuda", "cpu"],
  tensorrt: ["tensorrt", "cuda", "cpu"],
};

/** By the words of the runtime's allocators, of C++ and of CUDA: its errors have no codes. */
function isOutOfMemory(cause: unknown): boolean {
  return cause instanceof Error && /failed to allocate memory|bad_alloc|out of memory/i.test(cause.message);
}

/**
 * @throws {PipelineError} `ModelInvalid` when the file is no network, `DeviceUnavailable` when it opens on the CPU alone,
 *   `MemoryInsufficient`
 */
async function create(bytes: Uint8Array, provider: Provider, threads: number): Promise<InferenceSession> {
  const on = (executionProviders: readonly string[]) =>
    InferenceSession.create(bytes, {
      executionProviders,
      graphOptimizationLevel: "all",
      // Errors only: the runtime's warnings go to stderr with file names of its build.
      logSeverityLevel: 3,
      intraOpNumThreads: threads,
      // From its second run on the runtime would hold the tensors of a tile twice: as it first came by them, and as one
      // block. Without it the bytes are the same, the time too, and memory is up to a third less (docs/models.md).
      enableMemPattern: false,
    });
  try {
    return await on(RUN_BY[provider]);
  } catch (cause) {
    if (isOutOfMemory(cause)) {
      throw new PipelineError("MemoryInsufficient", "no memory to open the network", { cause });
    }
    // The runtime's message does not tell a missing device from a bad file: a file that the CPU takes is a good one.
    const onCpu = provider === "cpu" ? null : await on(["cpu"]).catch(() => null);
    await onCpu?.release();
    throw onCpu === null
      ? new PipelineError("ModelInvalid", "network file cannot be loaded, expected an ONNX model", { cause })
      : new PipelineError(
          "DeviceUnavailable",
          `network does not open on ${provider}, expected the device that this run asks for`,
          { cause },
        );
  }
}

/**
 * The operators of a network in one run on zeros, as the runtime's own profile has them, the graph not optimised.
 *
 * @throws {PipelineError} `ModelInvalid` when the file is no network, `InferenceFailed` when it does not take the shape
 */
export async function profileOperators(
  bytes: Uint8Array,
  inputName: string,
  shape: readonly number[],
): Promise<readonly OperatorRun[]> {
  const folder = await mkdtemp(join(tmpdir(), "scanlane-profile-"));
  try {
    const session = await InferenceSession.create(bytes, {
      enableProfiling: true,
      profileFilePrefix: join(folder, "run"),
      graphOptimizationLevel: "disabled",
      logSeverityLevel: 3,
    }).catch((cause: unknown) => {
      throw new PipelineError("ModelInvalid", "network file cannot be loaded, expected an ONNX model", { cause });
    });
    const zeros = new Float32Array(shape.reduce((product, length) => product * length, 1));
    await session.run({ [inputName]: new OrtTensor("float32", zeros, shape) }).catch((cause: unknown) => {
      throw new PipelineError("InferenceFailed", `network failed on a tensor of ${shape.join(" x ")}`, { cause });
    });
    session.endProfiling();
    await session.release();
    const [file] = await readdir(folder);
    return file === undefined ? [] : operatorsOf(JSON.parse(await readFile(join(folder, file), "utf8")));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An event of the profile: shapes come as `[{ "float": [1, 16, 8, 8] }, ...]`. */
interface ProfileEvent {
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

function operatorsOf(events: readonly ProfileEvent[]): OperatorRun[] {
  return events.flatMap(({ args }) => {
    if (args?.op_name === undefined || args.output_type_shape === undefined) return [];
    const shapes = (args.input_type_shape ?? []).map((typed) => Object.values(typed)[0] ?? []);
    return [{ kind: args.op_name, inputs: shapes, output: Object.values(args.output_type_shape[0] ?? {})[0] ?? [] }];
  });
}
