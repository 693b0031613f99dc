/** A buffer, or several that are alive together, by what it is for. */
export interface MemoryTerm {
  readonly name: string;
  readonly bytes: number;
}

/** What a stage holds while it does one thing. The stage's peak is that of the phase that holds most. */
export interface MemoryPhase {
  readonly name: string;
  readonly terms: readonly MemoryTerm[];
}

/** @param buffers bytes of each, by name; those of none are left out */
export function phase(name: string, buffers: Readonly<Record<string, number>>): MemoryPhase {
  const terms = Object.entries(buffers).flatMap(([term, bytes]) => (bytes > 0 ? [{ name: term, bytes }] : []));
  return { name, terms };
}

export function phaseBytes({ terms }: MemoryPhase): number {
  return terms.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The phase that holds most. */
export function largestPhase(phases: readonly MemoryPhase[]): MemoryPhase {
  const [first, ...others] = phases;
  if (first === undefined) throw new RangeError("a stage has at least one phase");
  return others.reduce((most, one) => (phaseBytes(one) > phaseBytes(most) ? one : most), first);
}

/** Sums of tiles of several classes share a memory up to so many bytes: one memory cannot hold more than 4 GiB. */
export const WINDOW_BYTES = 2 ** 30;

/** V8 starts to look for garbage when so many bytes outside its heap have come since it last did (`heap.h`). */
const SOFT_LIMIT = 64 * 2 ** 20;
/** Of that what was found to stay, and how many more of the largest arrays come while V8 looks. Fitted. */
const STAYS = { share: 0.5, largest: 2 } as const;

/**
 * Arrays that were given away and not yet collected.
 *
 * @param given bytes of all that are given away in the phase
 * @param largest bytes of the largest of them
 */
export function uncollected(given: number, largest: number): number {
  return Math.min(given, STAYS.share * SOFT_LIMIT + STAYS.largest * largest);
}
