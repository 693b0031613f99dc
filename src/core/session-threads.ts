/**
 * Threads of every session on the CPU, on every machine: the runtime sums a 3-D convolution in an order that hangs on
 * their number, and no result may hang on the machine. With two, a scan of one tile has two cores.
 */
export const THREADS_A_SESSION = 2;

/** Runs of a network that so many cores take at once. */
export function workersOn(cores: number): number {
  return Math.max(1, Math.floor(cores / THREADS_A_SESSION));
}
