import { isMainThread, parentPort } from "node:worker_threads";
import { PipelineError } from "#src/core/errors.js";
import { type DecodedFrame, type FrameShape, frameDecoder } from "./frame-decoder.js";

/** A frame for a worker thread to decode. */
export interface FrameJob {
  readonly id: number;
  readonly transferSyntaxUid: string;
  readonly stream: Uint8Array;
  readonly shape: FrameShape;
  readonly subject: string;
}

/** What became of it. A `PipelineError` is sent in parts: threads do not share classes. */
export type FrameAnswer =
  | { readonly id: number; readonly kind: "frame"; readonly frame: DecodedFrame }
  | { readonly id: number; readonly kind: "refused"; readonly code: string; readonly message: string }
  | { readonly id: number; readonly kind: "broken"; readonly error: unknown };

// The entry of the threads that DecoderPool starts.
if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  port.on("message", async (job: FrameJob) => {
    const answer = await answerTo(job);
    port.postMessage(answer, answer.kind === "frame" ? [ownBuffer(answer.frame.bytes)] : []);
  });
}

async function answerTo({ id, transferSyntaxUid, stream, shape, subject }: FrameJob): Promise<FrameAnswer> {
  try {
    const decode = await frameDecoder(transferSyntaxUid);
    return { id, kind: "frame", frame: decode(stream, shape, subject) };
  } catch (error) {
    if (error instanceof PipelineError) return { id, kind: "refused", code: error.code, message: error.message };
    return { id, kind: "broken", error };
  }
}

/** Decoders return arrays of their own. */
function ownBuffer({ buffer }: Uint8Array): ArrayBuffer {
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError("a decoded frame must have a buffer of its own");
  return buffer;
}
