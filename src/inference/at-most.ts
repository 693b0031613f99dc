import type { Answer, NetworkSession, Tensor } from "./network-session.js";

/**
 * A session of which no more runs than so many are under way beside each other, whatever its threads would take. One at a
 * time never starts threads; where they are there from another scan it is made in one of them, whose network may be open.
 */
export function atMost({ beside, ...session }: NetworkSession, workers: number): NetworkSession {
  if (beside === undefined || (workers < 2 && !beside.isStarted())) return session;
  let free = Math.min(workers, beside.workers);
  const queue: (() => void)[] = [];
  async function run(input: Tensor): Promise<Answer> {
    if (free === 0) await new Promise<void>((resolve) => queue.push(resolve));
    else free--;
    try {
      return (await beside?.run(input)) as Answer;
    } finally {
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
    }
  }
  return { ...session, beside: { ...beside, workers: free, run } };
}
