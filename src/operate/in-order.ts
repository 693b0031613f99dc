/**
 * What `work` makes of each item, in the items' order, with so many under way at once.
 *
 * @param atOnce at least 1
 */
export async function* inOrder<In, Out>(
  items: AsyncIterable<In> | Iterable<In>,
  atOnce: number,
  work: (item: In) => Promise<Out>,
): AsyncGenerator<Out> {
  const running: Promise<Out>[] = [];
  for await (const item of items) {
    const one = work(item);
    // Awaited in its turn: until then its failure is nobody's.
    one.catch(() => {});
    running.push(one);
    if (running.length >= atOnce) yield await (running.shift() as Promise<Out>);
  }
  for (const one of running) yield await one;
}
