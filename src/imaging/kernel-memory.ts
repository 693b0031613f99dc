/** What a kernel gives away of its memory. */
export interface KernelMemory {
  readonly memory: WebAssembly.Memory;
  readonly __heap_base: { readonly value: number };
}

const PAGE = 65_536;
/** Arrays start where a vector may. */
const ALIGNMENT = 16;

/** Where arrays of so many bytes lie, one after the other behind what the compiler placed, and where the last one ends. */
export function placeArrays({ __heap_base }: KernelMemory, lengths: readonly number[]) {
  let end = aligned(__heap_base.value);
  const places = lengths.map((length) => {
    const place = end;
    end += aligned(length);
    return place;
  });
  return { places, end };
}

/** Makes the memory at least so large. @throws {RangeError} where there is not so much */
export function growTo({ memory }: KernelMemory, bytes: number): void {
  const pages = Math.ceil(bytes / PAGE) - memory.buffer.byteLength / PAGE;
  if (pages > 0) memory.grow(pages);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
