import { freeArray } from "./free-array.js";
import type { Answer, NetworkSession, Tensor } from "./network-session.js";

/**
 * A session that runs a batch of tiles in smaller ones, so that it holds the tensors of no more than `most` of them. Each
 * tile's answer is its own: the bytes are the same (docs/models.md).
 */
export function inBatches({ run, beside, ...session }: NetworkSession, most: number): NetworkSession {
  const split = (one: (input: Tensor) => Promise<Answer>) => (input: Tensor) => inParts(input, most, one);
  return { ...session, run: split(run), ...(beside && { beside: { ...beside, run: split(beside.run) } }) };
}

async function inParts(input: Tensor, most: number, run: (input: Tensor) => Promise<Answer>): Promise<Answer> {
  const [count = 1, ...rest] = input.shape;
  if (count <= most) return run(input);
  const length = input.data.length / count;
  let all = new Float32Array(0);
  let shape: readonly number[] = [];
  let head: Answer["head"];
  for (let n = 0; n < count; n += most) {
    const part = Math.min(most, count - n);
    const answer = await run({ data: input.data.slice(n * length, (n + part) * length), shape: [part, ...rest] });
    const each = answer.data.length / part;
    if (n === 0) all = new Float32Array(each * count);
    all.set(answer.data, n * each);
    answer.free?.();
    head = answer.head;
    shape = [count, ...answer.shape.slice(1)];
  }
  return { data: all, shape, free: () => freeArray(all), ...(head && { head }) };
}
