/**
 * Gives every voxel of a superpixel the label that most of its voxels have; among equals the smallest label.
 *
 * @param superpixels number of each voxel's superpixel, from 1
 * @param labels 0 to 65,535
 */
export function voteLabels<T extends Uint8Array | Uint16Array>(superpixels: Int32Array, labels: T): T {
  const { first, voxels } = membersOf(superpixels);
  const out = labels.slice() as T;
  const votes = new Uint32Array(65_536);
  for (let s = 1; s < first.length - 1; s++) {
    let winner = -1;
    for (let m = first[s]; m < first[s + 1]; m++) {
      const label = labels[voxels[m]];
      votes[label]++;
      if (winner < 0 || votes[label] > votes[winner] || (votes[label] === votes[winner] && label < winner))
        winner = label;
    }
    for (let m = first[s]; m < first[s + 1]; m++) {
      votes[labels[voxels[m]]] = 0;
      out[voxels[m]] = winner;
    }
  }
  return out;
}

/** Gives every voxel of a superpixel the mean of its voxels' values. */
export function meanOverSuperpixels(superpixels: Int32Array, values: Float32Array): Float32Array {
  const { first, voxels } = membersOf(superpixels);
  const out = new Float32Array(values.length);
  for (let s = 1; s < first.length - 1; s++) {
    let sum = 0;
    for (let m = first[s]; m < first[s + 1]; m++) sum += values[voxels[m]];
    const mean = sum / (first[s + 1] - first[s]);
    for (let m = first[s]; m < first[s + 1]; m++) out[voxels[m]] = mean;
  }
  return out;
}

/** Voxels by superpixel: those of superpixel s are `voxels[first[s]]` up to `voxels[first[s + 1] - 1]`. */
function membersOf(superpixels: Int32Array): { readonly first: Uint32Array; readonly voxels: Uint32Array } {
  let count = 0;
  for (let i = 0; i < superpixels.length; i++) count = Math.max(count, superpixels[i]);
  const first = new Uint32Array(count + 2);
  for (let i = 0; i < superpixels.length; i++) first[superpixels[i] + 1]++;
  for (let s = 1; s < first.length; s++) first[s] += first[s - 1];
  const next = first.slice();
  const voxels = new Uint32Array(superpixels.length);
  for (let i = 0; i < superpixels.length; i++) voxels[next[superpixels[i]]++] = i;
  return { first, voxels };
}
