import type { Mesh } from "#src/imaging/label-surface.js";

/** A label's surface with what a viewer shows of it. */
export interface NamedMesh {
  readonly name: string;
  readonly mesh: Mesh;
  /** Red, green, blue, 0 to 255 (sRGB). @default a colour of its own for each */
  readonly colourRgb?: readonly [number, number, number];
}

/** Letters of the file format: "glTF", "JSON", "BIN\0". */
const GLB_MAGIC = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;
const BIN_CHUNK = 0x004e4942;

/**
 * One surface as binary STL: millimetres in LPS (x to the left, y to the back), which 3D Slicer takes a file to be in;
 * the header says so. Nothing in it depends on clock or machine.
 */
export function writeStl(mesh: Mesh): Uint8Array {
  const count = mesh.triangles.length / 3;
  const file = Buffer.alloc(84 + 50 * count);
  // Not starting with "solid", by which text files are known.
  file.write("scanlane; unit mm; SPACE=LPS", "latin1");
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  view.setUint32(80, count, true);
  const at = new Float64Array(9);
  for (let n = 0; n < count; n++) {
    for (let corner = 0; corner < 3; corner++) {
      const vertex = 3 * (mesh.triangles[3 * n + corner] ?? 0);
      at[3 * corner] = 0 - (mesh.positionsRas[vertex] ?? 0);
      at[3 * corner + 1] = 0 - (mesh.positionsRas[vertex + 1] ?? 0);
      at[3 * corner + 2] = mesh.positionsRas[vertex + 2] ?? 0;
    }
    const from = 84 + 50 * n;
    const normal = normalOf(at);
    for (let i = 0; i < 3; i++) view.setFloat32(from + 4 * i, normal[i] ?? 0, true);
    for (let i = 0; i < 9; i++) view.setFloat32(from + 12 + 4 * i, at[i] ?? 0, true);
  }
  return file;
}

/** @param at three corners, x, y, z each */
function normalOf(at: Float64Array): readonly [number, number, number] {
  const [ax = 0, ay = 0, az = 0, bx = 0, by = 0, bz = 0, cx = 0, cy = 0, cz = 0] = at;
  const x = (by - ay) * (cz - az) - (bz - az) * (cy - ay);
  const y = (bz - az) * (cx - ax) - (bx - ax) * (cz - az);
  const z = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  const length = Math.hypot(x, y, z) || 1;
  return [x / length, y / length, z / length];
}

/**
 * Surfaces as binary glTF 2.0, each a node with a colour of its own. Vertices are millimetres in RAS; the node above
 * them turns these to what glTF wants: metres, y up, the front towards z. So x is to the left, y to the head, z to the
 * front. Nothing in it depends on clock or machine.
 */
export function writeGlb(meshes: readonly NamedMesh[]): Uint8Array {
  const views: object[] = [];
  const accessors: object[] = [];
  const pieces: Uint8Array[] = [];
  let offset = 0;
  const addView = (bytes: Uint8Array, target: number): number => {
    pieces.push(bytes);
    views.push({ buffer: 0, byteOffset: offset, byteLength: bytes.length, target });
    offset += bytes.length;
    return views.length - 1;
  };
  for (const { mesh } of meshes) {
    const vertices = mesh.positionsRas.length / 3;
    const positions = new DataView(new ArrayBuffer(12 * vertices));
    const low = [Infinity, Infinity, Infinity];
    const high = [-Infinity, -Infinity, -Infinity];
    for (let i = 0; i < mesh.positionsRas.length; i++) {
      const value = Math.fround(mesh.positionsRas[i] ?? 0);
      positions.setFloat32(4 * i, value, true);
      low[i % 3] = Math.min(low[i % 3] ?? value, value);
      high[i % 3] = Math.max(high[i % 3] ?? value, value);
    }
    const indices = new DataView(new ArrayBuffer(4 * mesh.triangles.length));
    for (let i = 0; i < mesh.triangles.length; i++) indices.setUint32(4 * i, mesh.triangles[i] ?? 0, true);
    const at = { bufferView: addView(new Uint8Array(positions.buffer), 34_962), componentType: 5126, count: vertices };
    accessors.push({ ...at, type: "VEC3", min: low, max: high });
    const of = { bufferView: addView(new Uint8Array(indices.buffer), 34_963), componentType: 5125 };
    accessors.push({ ...of, count: mesh.triangles.length, type: "SCALAR" });
  }
  const document = {
    asset: { version: "2.0", generator: "scanlane" },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [
      {
        name: "patient (RAS, mm)",
        matrix: [-0.001, 0, 0, 0, 0, 0, 0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1],
        children: meshes.map((_, n) => n + 1),
      },
      ...meshes.map(({ name }, n) => ({ name, mesh: n })),
    ],
    meshes: meshes.map(({ name }, n) => ({
      name,
      primitives: [{ attributes: { POSITION: 2 * n }, indices: 2 * n + 1, material: n }],
    })),
    materials: meshes.map(({ name, colourRgb }, n) => ({
      name,
      pbrMetallicRoughness: {
        baseColorFactor: colourRgb ? linearOf(colourRgb) : colourOf(n),
        metallicFactor: 0,
        roughnessFactor: 0.8,
      },
    })),
    accessors,
    bufferViews: views,
    buffers: [{ byteLength: offset }],
  };
  const text = Buffer.from(JSON.stringify(document));
  const json = Buffer.concat([text, Buffer.alloc(-text.length & 3, " ")]);
  const lengths = [12 + 8 + json.length + 8 + offset];
  return Buffer.concat([
    words(GLB_MAGIC, 2, ...lengths),
    words(json.length, JSON_CHUNK),
    json,
    words(offset, BIN_CHUNK),
    ...pieces,
  ]);
}

/** A colour of a screen as glTF has it: in linear light, with its opacity. */
function linearOf(colourRgb: readonly [number, number, number]): number[] {
  const linear = colourRgb.map((value) => {
    const share = value / 255;
    return Number((share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4).toFixed(4));
  });
  return [...linear, 1];
}

/** Colours around the circle by the golden angle: neighbours differ most. */
function colourOf(n: number): number[] {
  const turn = (n * 0.618034) % 1;
  const channel = (shift: number): number => Number((0.5 + 0.4 * Math.cos(2 * Math.PI * (turn - shift))).toFixed(4));
  return [channel(0), channel(1 / 3), channel(2 / 3), 1];
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  for (const [n, value] of values.entries()) bytes.setUint32(4 * n, value, true);
  return new Uint8Array(bytes.buffer);
}
