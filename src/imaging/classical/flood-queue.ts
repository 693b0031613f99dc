/**
 * A queue of voxels by level, first in first out within a level. A binary heap in typed arrays that moves its entries
 * as scikit-image's watershed does, so that entries equal in level and age leave in the same order too.
 */
export class FloodQueue {
  #levels = new Float64Array(1024);
  #ages = new Float64Array(1024);
  #voxels = new Int32Array(1024);
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Level of the voxel that leaves next. The queue must not be empty. */
  get lowest(): number {
    return this.#levels[0];
  }

  push(voxel: number, level: number, age: number): void {
    if (this.#count === this.#voxels.length) this.#widen();
    let child = this.#count++;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const isSmaller = level === this.#levels[parent] ? age < this.#ages[parent] : level < this.#levels[parent];
      if (!isSmaller) break;
      this.#move(parent, child);
      child = parent;
    }
    this.#put(child, voxel, level, age);
  }

  /** Takes the voxel of the lowest level, the oldest first. The queue must not be empty. */
  pop(): number {
    const first = this.#voxels[0];
    const last = --this.#count;
    if (last === 0) return first;
    const voxel = this.#voxels[last];
    const level = this.#levels[last];
    const age = this.#ages[last];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#isSmaller(child + 1, child)) child++;
      const goesUp = this.#levels[child] === level ? this.#ages[child] < age : this.#levels[child] < level;
      if (!goesUp) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, voxel, level, age);
    return first;
  }

  #isSmaller(a: number, b: number): boolean {
    return this.#levels[a] === this.#levels[b] ? this.#ages[a] < this.#ages[b] : this.#levels[a] < this.#levels[b];
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#voxels[from], this.#levels[from], this.#ages[from]);
  }

  #put(at: number, voxel: number, level: number, age: number): void {
    this.#voxels[at] = voxel;
    this.#levels[at] = level;
    this.#ages[at] = age;
  }

  #widen(): void {
    const length = 2 * this.#voxels.length;
    const [levels, ages, voxels] = [this.#levels, this.#ages, this.#voxels];
    this.#levels = new Float64Array(length);
    this.#ages = new Float64Array(length);
    this.#voxels = new Int32Array(length);
    this.#levels.set(levels);
    this.#ages.set(ages);
    this.#voxels.set(voxels);
  }
}
