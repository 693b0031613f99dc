import { PipelineError } from "#src/core/errors.js";
import { type Affine, applyAffine, composeAffine } from "#src/imaging/affine.js";

const IDENTITY: Affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
/** From glTF's metres, y up and the front towards z, to millimetres of RAS. */
const FROM_GLTF: Affine = [-1000, 0, 0, 0, 0, 0, 1000, 0, 0, 1000, 0, 0];
const MAX_DEPTH = 8;

/** Triangles of one surface as they were read: nine numbers each, RAS millimetres. */
export interface ReadSurface {
  readonly name: string;
  readonly corners: Float64Array;
}

/**
 * The corners of a binary STL whose header says that it is in LPS, in RAS. Shares nothing with the writer.
 *
 * @throws {PipelineError} ResultInvalid when the bytes are no such file
 */
export function readStl(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length < 84 ? 0 : view.getUint32(80, true);
  if (bytes.length !== 84 + 50 * count) {
    throw invalid("STL", `has ${bytes.length} bytes, expected 84 and 50 for each of ${count} triangles`);
  }
  if (!/\bSPACE=LPS\b/.test(new TextDecoder("latin1").decode(bytes.subarray(0, 80)))) {
    throw invalid("STL", "does not say that it is in LPS");
  }
  const corners = new Float64Array(9 * count);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < 9; i++) {
      const value = view.getFloat32(84 + 50 * n + 12 + 4 * i, true);
      corners[9 * n + i] = i % 3 === 2 ? value : 0 - value;
    }
  }
  return corners;
}

/** What is read of a glTF document; all else is left alone. */
interface Gltf {
  readonly scene?: number;
  readonly scenes?: readonly { readonly nodes?: readonly number[] }[];
  readonly nodes?: readonly GltfNode[];
  readonly meshes?: readonly { readonly primitives?: readonly Primitive[] }[];
  readonly accessors?: readonly Accessor[];
  readonly bufferViews?: readonly { readonly byteOffset?: number; readonly byteLength?: number }[];
}

interface GltfNode {
  readonly name?: string;
  /** Column by column. */
  readonly matrix?: readonly number[];
  readonly mesh?: number;
  readonly children?: readonly number[];
}

interface Primitive {
  readonly attributes?: { readonly POSITION?: number };
  readonly indices?: number;
}

interface Accessor {
  readonly bufferView?: number;
  readonly count?: number;
  readonly componentType?: number;
  readonly type?: string;
}

/**
 * The surfaces of a binary glTF, each where its scene's nodes put it, taken back to millimetres of RAS. Shares nothing
 * with the writer.
 *
 * @returns in the order in which the scene's nodes come
 * @throws {PipelineError} ResultInvalid when the bytes are no such file
 */
export function readGlb(bytes: Uint8Array): ReadSurface[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const jsonLength = bytes.length < 28 ? -1 : view.getUint32(12, true);
  const binStart = 20 + jsonLength + 8;
  if (jsonLength < 0 || view.getUint32(0, true) !== 0x46546c67 || view.getUint32(8, true) !== bytes.length) {
    throw invalid("GLB", `has ${bytes.length} bytes that are not those of a binary glTF`);
  }
  if (binStart > bytes.length) throw invalid("GLB", "ends within its description");
  const document = parsed(new TextDecoder().decode(bytes.subarray(20, 20 + jsonLength)));
  const binary = bytes.subarray(binStart, binStart + view.getUint32(binStart - 8, true));
  const found: ReadSurface[] = [];
  const walk = (index: number, above: Affine, depth: number): void => {
    const node = document.nodes?.[index];
    if (node === undefined || depth > MAX_DEPTH) throw invalid("GLB", `has no node ${index} at depth ${depth}`);
    const place = composeAffine(above, affineOf(node.matrix));
    if (node.mesh !== undefined) {
      const corners = cornersOf(document, binary, node.mesh, composeAffine(FROM_GLTF, place));
      found.push({ name: node.name ?? "", corners });
    }
    for (const child of node.children ?? []) walk(child, place, depth + 1);
  };
  for (const root of document.scenes?.[document.scene ?? 0]?.nodes ?? []) walk(root, IDENTITY, 0);
  return found;
}

function parsed(text: string): Gltf {
  try {
    return JSON.parse(text) as Gltf;
  } catch (cause) {
    throw new PipelineError("ResultInvalid", "the written GLB has a description that is no JSON", { cause });
  }
}

function affineOf(matrix: readonly number[] | undefined): Affine {
  if (matrix === undefined) return IDENTITY;
  const at = (n: number): number => matrix[n] ?? Number.NaN;
  return [at(0), at(4), at(8), at(12), at(1), at(5), at(9), at(13), at(2), at(6), at(10), at(14)];
}

function cornersOf(document: Gltf, binary: Uint8Array, index: number, toRas: Affine): Float64Array {
  const [primitive, ...others] = document.meshes?.[index]?.primitives ?? [];
  if (primitive === undefined || others.length > 0) throw invalid("GLB", `has not one piece in mesh ${index}`);
  const points = viewOf(document, binary, primitive.attributes?.POSITION, 5126, "VEC3", 12);
  const order = viewOf(document, binary, primitive.indices, 5125, "SCALAR", 4);
  const vertices = points.byteLength / 12;
  const corners = new Float64Array((3 * order.byteLength) / 4);
  for (let i = 0; i < corners.length; i += 3) {
    const vertex = order.getUint32((4 * i) / 3, true);
    if (vertex >= vertices) throw invalid("GLB", `names vertex ${vertex} of ${vertices} in mesh ${index}`);
    const at = 12 * vertex;
    corners.set(
      applyAffine(toRas, [
        points.getFloat32(at, true),
        points.getFloat32(at + 4, true),
        points.getFloat32(at + 8, true),
      ]),
      i,
    );
  }
  return corners;
}

function viewOf(
  document: Gltf,
  binary: Uint8Array,
  accessor: number | undefined,
  componentType: number,
  type: string,
  width: number,
): DataView {
  const found = document.accessors?.[accessor ?? -1];
  const { byteOffset = 0, byteLength = -1 } = document.bufferViews?.[found?.bufferView ?? -1] ?? {};
  const isThere = byteOffset >= 0 && byteLength >= 0 && byteOffset + byteLength <= binary.length;
  if (!isThere || found?.componentType !== componentType || found.type !== type) {
    throw invalid("GLB", `has no array ${accessor} of ${type}`);
  }
  if (found.count === undefined || found.count * width !== byteLength) {
    throw invalid("GLB", `has ${byteLength} bytes in array ${accessor}, expected ${width} for each of ${found.count}`);
  }
  return new DataView(binary.buffer, binary.byteOffset + byteOffset, byteLength);
}

function invalid(kind: "STL" | "GLB", what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the written ${kind} ${what}`);
}
