/**
 * Where runs of equal labels end. Neighbours mostly have the same label, and where a label is a byte four of them are
 * compared at a time.
 *
 * @returns of a voxel and an end, the first voxel after it that has another label, or the end
 */
export function labelRuns(labels: Uint8Array | Uint16Array): (at: number, end: number) => number {
  const areBytes = labels.BYTES_PER_ELEMENT === 1 && labels.byteOffset % 4 === 0;
  const words = areBytes ? new Uint32Array(labels.buffer, labels.byteOffset, labels.length >> 2) : new Uint32Array(0);
  return (at, end) => {
    const label = labels[at];
    let next = at + 1;
    while (next < end && labels[next] === label) {
      if (areBytes && next % 4 === 0) {
        const four = Math.imul(label, 0x01010101) >>> 0;
        const last = end - 3;
        while (next < last && words[next >> 2] === four) next += 4;
        while (next < end && labels[next] === label) next++;
        return next;
      }
      next++;
    }
    return next;
  };
}
