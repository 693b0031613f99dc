import { appendFileSync } from "node:fs";
import { InferenceSession } from "onnxruntime-node";

// Loaded before the program that is measured (`node --import`), in the processes that it starts too: the seconds of
// every `session.run` go to the file NETWORK_SECONDS, a line each, at once, as such a process may be ended from outside.
const { run } = InferenceSession.prototype;
InferenceSession.prototype.run = async function timed(...args) {
  const started = performance.now();
  const answer = await run.apply(this, args);
  appendFileSync(process.env.NETWORK_SECONDS, `${(performance.now() - started) / 1000}\n`);
  return answer;
};
