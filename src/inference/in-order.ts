/**
 * Starts jobs in their order, at most so many at once, and gives their answers in the same order. A job is made when it
 * is started, so what it holds is there no earlier.
 *
 * After an answer was refused, or when the caller stops early, no more jobs are started; what is under way is waited for.
 *
 * @param width jobs under way at once, at least 1, asked for before each start; with 1 each answer is taken before the
 *   next job starts
 */
export async function* inOrder<T>(jobs: Iterable<() => Promise<T>>, width: () => number): AsyncGenerator<T> {
  const waiting: Promise<T>[] = [];
  const next = jobs[Symbol.iterator]();
  const fill = (): void => {
    while (waiting.length < width()) {
      const job = next.next();
      if (job.done === true) return;
      const answer = job.value();
      // It is looked at when its turn comes: until then a refusal is nobody's fault.
      answer.catch(() => {});
      waiting.push(answer);
    }
  };
  try {
    for (fill(); waiting.length > 0; fill()) {
      const answer = await (waiting[0] as Promise<T>);
      waiting.shift();
      yield answer;
    }
  } finally {
    await Promise.allSettled(waiting);
  }
}
