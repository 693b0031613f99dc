import { appendFileSync } from "node:fs";
import { InferenceSession } from "onnxruntime-node";

// Loaded before the program that is measured (`node --import`), in its threads too: the seconds inside `session.run`
// go to the file NETWORK_SECONDS, a line a thread.
let seconds = 0;
const { run } = InferenceSession.prototype;
InferenceSession.prototype.run = async function timed(...args) {
  const started = performance.now();
  const answer = await run.apply(this, args);
  seconds += (performance.now() - started) / 1000;
  return answer;
};
process.on("exit", () => appendFileSync(process.env.NETWORK_SECONDS, `${seconds}\n`));
