import { appendFileSync } from "node:fs";
import { InferenceSession } from "onnxruntime-node";

// Loaded before the program that is measured (`node --import`), in the processes that it starts too: the start and
// the end of every `session.run`, in milliseconds of the same clock in all threads, go to the file NETWORK_SECONDS, a line
// each, at once, as such a process may be ended from outside.
const milliseconds = () => Number(process.hrtime.bigint()) / 1e6;
const { run } = InferenceSession.prototype;
InferenceSession.prototype.run = async function timed(...args) {
  const started = milliseconds();
  const answer = await run.apply(this, args);
  appendFileSync(process.env.NETWORK_SECONDS, `${started} ${milliseconds()}\n`);
  return answer;
};
