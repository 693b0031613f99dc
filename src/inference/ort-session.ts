import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { PipelineError } from "#src/core/errors.js";
import type { NetworkSession, SessionRequest } from "./network-session.js";

/**
 * Opens a network in ONNX Runtime on the CPU. The only file that imports the runtime.
 *
 * @throws {PipelineError} `ModelInvalid` when the file is no network or has not the named input and output
 */
export async function openOrtSession(request: SessionRequest): Promise<NetworkSession> {
  const session = await InferenceSession.create(await request.bytes(), {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    // Errors only: the runtime's warnings go to stderr with file names of its build.
    logSeverityLevel: 3,
  }).catch((cause: unknown) => {
    throw new PipelineError("ModelInvalid", "network file cannot be loaded, expected an ONNX model", { cause });
  });
  for (const [kind, name, found] of [
    ["input", request.inputName, session.inputNames],
    ["output", request.outputName, session.outputNames],
  ] as const) {
    if (!found.includes(name)) {
      throw new PipelineError("ModelInvalid", `network has ${kind}s ${found.join(", ")}, its manifest expects ${name}`);
    }
  }

  return {
    async run({ data, shape }) {
      const outputs = await session
        .run({ [request.inputName]: new OrtTensor("float32", data, shape) }, [request.outputName])
        .catch((cause: unknown) => {
          throw new PipelineError("InferenceFailed", `network failed on a tensor of ${shape.join(" x ")}`, { cause });
        });
      const output = outputs[request.outputName];
      if (!output || !(output.data instanceof Float32Array)) {
        throw new PipelineError("InferenceFailed", `network gave ${output?.type ?? "nothing"}, expected float32`);
      }
      return { data: output.data, shape: output.dims };
    },
    close: () => session.release(),
  };
}
