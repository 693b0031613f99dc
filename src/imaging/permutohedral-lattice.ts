/**
 * Sums over all points with Gaussian weights in feature space: out_i = sum_j exp(-|f_i - f_j|^2 / 2) v_j, up to a
 * factor that is the same for all points. What computes it is free to approximate.
 */
export interface FeatureFilter {
  readonly points: number;
  /**
   * @param values `points` x `channels` numbers, the channels of a point side by side
   * @param out where the sums go, laid out as `values`; may be the same array
   */
  filter(values: Float32Array, channels: number, out: Float32Array): void;
}

const f32 = Math.fround;
/** The reference treats points four at a time and fills the last group up with points at the origin. */
const GROUP = 4;

/**
 * The permutohedral lattice of Adams, Baek and Davis (2010) with the arithmetic of pydensecrf (`permutohedral.cpp`,
 * BSD-3-Clause, by Philipp Krähenbühl), single precision, operation for operation. Every point is spread over the
 * d + 1 corners of the simplex that holds it, values are blurred with [1/2, 1, 1/2] along the d + 1 directions of the
 * lattice, and read at the same corners. Built once for a set of features, used for any number of values.
 *
 * The result depends on the order of features, slightly, as in the reference: the lattice is not symmetric.
 *
 * @param features `dimensions` numbers a point, side by side, already divided by the kernel's width
 */
export function permutohedralLattice(features: Float32Array, dimensions: number): FeatureFilter {
  const d = dimensions;
  const corners = d + 1;
  const points = features.length / d;
  if (!Number.isInteger(points)) throw new RangeError(`${features.length} features do not divide by ${d}`);
  const { vertexOf, weightOf, vertices } = placePoints(features, d, points);
  const neighbours = findNeighbours(vertices, d);
  const alpha = f32(1 / f32(1 + f32(2 ** -d)));

  let values = new Float32Array(0);
  let blurred = new Float32Array(0);

  function splat(input: Float32Array, channels: number): void {
    let corner = 0;
    for (let i = 0; i < points; i++) {
      const from = i * channels;
      for (let j = 0; j < corners; j++, corner++) {
        const to = vertexOf[corner] * channels;
        const weight = weightOf[corner];
        for (let k = 0; k < channels; k++) values[to + k] += f32(weight * input[from + k]);
      }
    }
  }

  function blur(channels: number): void {
    for (let j = 0; j < corners; j++) {
      let at = j * vertices.count * 2;
      for (let to = channels; to <= vertices.count * channels; to += channels) {
        const one = neighbours[at++] * channels;
        const two = neighbours[at++] * channels;
        for (let k = 0; k < channels; k++) {
          blurred[to + k] = values[to + k] + f32(0.5 * f32(values[one + k] + values[two + k]));
        }
      }
      [values, blurred] = [blurred, values];
    }
  }

  function slice(out: Float32Array, channels: number): void {
    // The reference multiplies by alpha last for one and two channels and first for more (its vector code).
    const alphaFirst = channels > 2;
    let corner = 0;
    for (let i = 0; i < points; i++) {
      const to = i * channels;
      for (let k = 0; k < channels; k++) out[to + k] = 0;
      for (let j = 0; j < corners; j++, corner++) {
        const from = vertexOf[corner] * channels;
        const weight = weightOf[corner];
        if (alphaFirst) {
          const scaled = f32(weight * alpha);
          for (let k = 0; k < channels; k++) out[to + k] += f32(scaled * values[from + k]);
        } else {
          for (let k = 0; k < channels; k++) out[to + k] += f32(f32(weight * values[from + k]) * alpha);
        }
      }
    }
  }

  return {
    points,
    filter(input, channels, out) {
      if (input.length !== points * channels || out.length !== input.length) {
        throw new RangeError(`filter got ${input.length} and ${out.length} values, expected ${points} x ${channels}`);
      }
      // Vertex 0 stands for "no neighbour": it holds zeros and is never written.
      const length = (vertices.count + 1) * channels;
      if (values.length === length) {
        values.fill(0);
      } else {
        values = new Float32Array(length);
        blurred = new Float32Array(length);
      }
      splat(input, channels);
      blur(channels);
      slice(out, channels);
    },
  };
}

/** For each point its d + 1 vertices (numbered from 1) and their weights. */
function placePoints(features: Float32Array, d: number, points: number) {
  const corners = d + 1;
  const vertexOf = new Int32Array(points * corners);
  const weightOf = new Float32Array(points * corners);
  const vertices = new VertexTable(d);

  // The standard deviation of the blur is that of the splat, the [1/2, 1, 1/2] steps and the slice together.
  const deviation = f32(Math.sqrt(2 / 3) * corners);
  const scale = Float32Array.from({ length: d }, (_, i) => (1 / Math.sqrt((i + 2) * (i + 1))) * deviation);
  const perCorner = f32(1 / corners);

  const elevated = new Float32Array(corners);
  const nearest = new Float32Array(corners);
  const rest = new Float32Array(corners);
  const rank = new Int32Array(corners);
  const barycentric = new Float32Array(d + 2);
  const key = new Int32Array(d);

  const filledUp = Math.ceil(points / GROUP) * GROUP;
  for (let point = 0; point < filledUp; point++) {
    // Onto the hyperplane whose coordinates sum to zero.
    let sum = 0;
    for (let j = d; j > 0; j--) {
      const feature = point < points ? features[point * d + j - 1] : 0;
      const scaled = f32(feature * scale[j - 1]);
      elevated[j] = f32(sum - f32(j * scaled));
      sum = f32(sum + scaled);
    }
    elevated[0] = sum;

    // The nearest lattice point whose coordinates are multiples of d + 1, and by how much it misses the plane.
    let excess = 0;
    for (let i = 0; i < corners; i++) {
      const multiple = roundHalfEven32(f32(perCorner * elevated[i]));
      nearest[i] = multiple * corners;
      rest[i] = elevated[i] - nearest[i];
      excess += multiple;
      rank[i] = 0;
    }
    for (let i = 0; i < d; i++) {
      for (let j = i + 1; j < corners; j++) {
        if (rest[i] < rest[j]) rank[i]++;
        else rank[j]++;
      }
    }
    for (let i = 0; i < corners; i++) {
      rank[i] += excess;
      if (rank[i] < 0) {
        rank[i] += corners;
        nearest[i] += corners;
      } else if (rank[i] >= corners) {
        rank[i] -= corners;
        nearest[i] -= corners;
      }
    }

    barycentric.fill(0);
    for (let i = 0; i < corners; i++) {
      const share = f32(f32(elevated[i] - nearest[i]) * perCorner);
      const at = d - rank[i];
      barycentric[at] += share;
      barycentric[at + 1] -= share;
    }
    barycentric[0] += f32(1 + barycentric[corners]);

    for (let corner = 0; corner < corners; corner++) {
      for (let i = 0; i < d; i++) key[i] = nearest[i] + (rank[i] > d - corner ? corner - corners : corner);
      const vertex = vertices.add(key);
      if (point >= points) continue;
      vertexOf[point * corners + corner] = vertex;
      weightOf[point * corners + corner] = barycentric[corner];
    }
  }
  return { vertexOf, weightOf, vertices };
}

/** Vertices on either side of each vertex (0 for none), two numbers a vertex, direction by direction. */
function findNeighbours(vertices: VertexTable, d: number): Int32Array {
  const corners = d + 1;
  const out = new Int32Array(corners * vertices.count * 2);
  const one = new Int32Array(d);
  const two = new Int32Array(d);
  let at = 0;
  for (let direction = 0; direction < corners; direction++) {
    for (let vertex = 1; vertex <= vertices.count; vertex++) {
      for (let k = 0; k < d; k++) {
        const coordinate = vertices.coordinate(vertex, k);
        one[k] = coordinate + (k === direction ? d : -1);
        two[k] = coordinate - (k === direction ? d : -1);
      }
      out[at++] = vertices.find(one);
      out[at++] = vertices.find(two);
    }
  }
  return out;
}

/** Lattice points by their first d coordinates, numbered from 1 in the order in which they were added. */
class VertexTable {
  readonly #d: number;
  #count = 0;
  #keys: Int32Array;
  /** Open addressing: vertex numbers, 0 for a free place. A power of two, at most half full. */
  #places = new Int32Array(1 << 12);

  constructor(d: number) {
    this.#d = d;
    this.#keys = new Int32Array((1 << 11) * d);
  }

  get count(): number {
    return this.#count;
  }

  coordinate(vertex: number, k: number): number {
    return this.#keys[(vertex - 1) * this.#d + k];
  }

  /** The vertex's number; 0 when there is none. */
  find(key: Int32Array): number {
    return this.#places[this.#placeOf(key)];
  }

  /** The vertex's number, a new one where there was none. */
  add(key: Int32Array): number {
    const place = this.#placeOf(key);
    const found = this.#places[place];
    if (found !== 0) return found;
    this.#keys.set(key, this.#count * this.#d);
    this.#count++;
    this.#places[place] = this.#count;
    const added = this.#count;
    if (this.#count * 2 >= this.#places.length) this.#grow();
    return added;
  }

  #placeOf(key: Int32Array): number {
    const d = this.#d;
    const keys = this.#keys;
    const mask = this.#places.length - 1;
    let place = hashOf(key, 0, d) & mask;
    for (;;) {
      const vertex = this.#places[place];
      if (vertex === 0) return place;
      const from = (vertex - 1) * d;
      let k = 0;
      while (k < d && keys[from + k] === key[k]) k++;
      if (k === d) return place;
      place = (place + 1) & mask;
    }
  }

  #grow(): void {
    const keys = new Int32Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
    const places = new Int32Array(this.#places.length * 2);
    const mask = places.length - 1;
    for (let vertex = 1; vertex <= this.#count; vertex++) {
      let place = hashOf(keys, (vertex - 1) * this.#d, this.#d) & mask;
      while (places[place] !== 0) place = (place + 1) & mask;
      places[place] = vertex;
    }
    this.#places = places;
  }
}

function hashOf(keys: Int32Array, from: number, d: number): number {
  let hash = 0;
  for (let k = 0; k < d; k++) hash = Math.imul(hash + keys[from + k], 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

/** Rounds a single-precision number half to even: adding and taking away 1.5 x 2^23 leaves no room for a fraction. */
function roundHalfEven32(value: number): number {
  const shift = 12_582_912;
  return f32(f32(value + shift) - shift);
}
