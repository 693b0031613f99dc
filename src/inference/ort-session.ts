import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { PipelineError } from "#src/core/errors.js";
import type { Provider } from "#src/core/ids.js";
import { freeArray } from "./free-array.js";
import { fromHalf, toHalf } from "./half-tensors.js";
import type { OperatorRun } from "./network-cost.js";
import type { Answer, NetworkSession, OpenSession, SessionRequest } from "./network-session.js";
import { NetworkThreads } from "./network-threads.js";
import { withPlanarConvolutions } from "./planar-convolutions.js";

// The runtime's builds report their use to their maker unless told not to; read when the first session opens.
process.env.ORT_DISABLE_TELEMETRY = "1";

/**
 * Threads of every session on the CPU, on every machine: the runtime sums a 3-D convolution in an order that hangs on
 * their number, and no result may hang on the machine. Cores are better used by running tiles beside each other.
 */
const THREADS_A_SESSION = 1;
/** Of a session whose runs have no others beside them, on every machine too: those of the convolutional CRF. */
export const THREADS_ALONE = 2;

/** How networks are run. */
interface OrtOptions {
  /**
   * Runs of one network under way at once on the CPU, each in a thread of its own with sessions of its own: what they
   * give does not hang on their number. @default 1: runs hold up the calling thread
   */
  readonly workers?: number;
  /** Threads of a session. Another number may give other bytes. @default 1 */
  readonly threads?: number;
}

/**
 * Opens networks in ONNX Runtime on one kind of device. The only file that imports the runtime.
 *
 * @param provider "cuda" needs an NVIDIA GPU and the runtime's CUDA libraries, "tensorrt" TensorRT's besides; there is
 *   no silent fallback to another one
 */
export function ortSessions(provider: Provider, options: OrtOptions = {}): OpenSession {
  const { workers = 1, threads = THREADS_A_SESSION } = options;
  const pool = provider === "cpu" ? NetworkThreads.for(workers) : null;
  if (pool === null) return async (request) => open(await fileFor(provider, request), request, provider, threads);
  let sessions = 0;
  return async (request) => {
    const { inputName, outputName } = request;
    const network = { key: sessions++, bytes: shared(await fileFor(provider, request)), inputName, outputName };
    // This thread has a session only while its runs do not go to the others.
    let own: Promise<NetworkSession> | null = null;
    const closeOwn = async () => {
      const open = own;
      own = null;
      // One that did not open was refused to those who ran it.
      await (await open?.catch(() => null))?.close();
    };
    const openOwn = () => {
      // The runtime takes no memory that is shared.
      own ??= open(network.bytes.slice(), request, provider, threads);
      return own;
    };
    return {
      run: async (input) => (await openOwn()).run(input),
      async ready(runs) {
        if (runs > 1) await pool.open(network, runs);
        else await openOwn();
      },
      beside: {
        workers: pool.workers,
        isStarted: () => pool.areStarted,
        async run(input) {
          await closeOwn();
          return pool.run(network, input);
        },
      },
      async close() {
        await pool.forget(network.key);
        await closeOwn();
      },
    };
  };
}

/** The network as it is run. */
async function fileFor(provider: Provider, request: SessionRequest): Promise<Uint8Array> {
  const bytes = await request.bytes();
  return provider === "cpu" ? withPlanarConvolutions(bytes, request.inputName, request.shape ?? []) : bytes;
}

/** A copy in memory that all threads see. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/**
 * @throws {PipelineError} `ModelInvalid` when the file is no network or has not the named input and output
 */
async function open(
  bytes: Uint8Array,
  request: Pick<SessionRequest, "inputName" | "outputName">,
  provider: Provider,
  threads: number,
): Promise<NetworkSession> {
  const session = await create(bytes, provider, threads);
  for (const [kind, name, found] of [
    ["input", request.inputName, session.inputNames],
    ["output", request.outputName, session.outputNames],
  ] as const) {
    if (!found.includes(name)) {
      throw new PipelineError("ModelInvalid", `network has ${kind}s ${found.join(", ")}, its manifest expects ${name}`);
    }
  }

  const takesHalf = session.inputMetadata.some(
    (input) => input.name === request.inputName && input.isTensor && input.type === "float16",
  );
  return {
    async run({ data, shape }) {
      const input = takesHalf ? new OrtTensor("float16", toHalf(data), shape) : new OrtTensor("float32", data, shape);
      const outputs = await session
        .run({ [request.inputName]: input }, [request.outputName])
        .catch((cause: unknown) => {
          throw new PipelineError("InferenceFailed", `network failed on a tensor of ${shape.join(" x ")}`, { cause });
        });
      const output = outputs[request.outputName];
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
