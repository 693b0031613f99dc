import { z } from "zod";
import { PipelineError } from "#src/core/errors.js";

const Glb = z.looseObject({
  nodes: z.array(z.looseObject({ name: z.string().optional(), mesh: z.int().optional() })),
  meshes: z.array(
    z.looseObject({
      primitives: z
        .array(z.looseObject({ attributes: z.looseObject({ POSITION: z.int() }), indices: z.int() }))
        .length(1),
    }),
  ),
  accessors: z.array(z.looseObject({ bufferView: z.int(), count: z.int(), componentType: z.int() })),
  bufferViews: z.array(z.looseObject({ byteOffset: z.int().default(0), byteLength: z.int() })),
});
/** Triangles of one surface as they were read: nine numbers each, RAS millimetres. */
export interface ReadSurface {
  readonly name: string;
  readonly corners: Float64Array;
}

const JSON_CHUNK = 0x4e4f534a;
const [UINT16, UINT32] = [5123, 5125];
/** The surface of a binary STL in LPS. @throws {PipelineError} ResultInvalid for a file of another length than it says */
export function readStl(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length < 84 ? -1 : view.getUint32(80, true);
  if (bytes.length !== 84 + 50 * count) throw invalid(`STL has ${bytes.length} bytes for ${count} triangles`);
  const corners = new Float64Array(9 * count);
  for (let n = 0; n < count; n++) {
    for (let c = 0; c < 9; c++) {
      const value = view.getFloat32(84 + 50 * n + 12 + 4 * c, true);
      corners[9 * n + c] = c % 3 === 2 ? value : -value;
    }
  }
  return corners;
}
/**
 * The surfaces of a GLB file whose vertices are in RAS millimetres, below a node that turns them for viewers.
 *
 * @throws {PipelineError} ResultInvalid when it is no such file
 */
export function readGlb(bytes: Uint8Array): ReadSurface[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 28 || view.getUint32(8, true) !== bytes.length || view.getUint32(16, true) !== JSON_CHUNK) {
    throw invalid("GLB has no header that fits its length");
  }
  const textLength = view.getUint32(12, true);
  const parsed = Glb.safeParse(JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + textLength))));
  if (!parsed.success) throw invalid("GLB has another structure than was written");
  const { nodes, meshes, accessors, bufferViews } = parsed.data;
  const start = 28 + textLength;
  const numbersOf = (accessor: number, width: 1 | 3): number[] => {
    const found = accessors[accessor];
    const from = found && bufferViews[found.bufferView];
    if (!found || !from) throw invalid("GLB names an accessor that is not there");
    const at = start + from.byteOffset;
    return Array.from({ length: found.count * width }, (_, i) => {
      if (width === 3) return view.getFloat32(at + 4 * i, true);
      return found.componentType === UINT16 ? view.getUint16(at + 2 * i, true) : view.getUint32(at + 4 * i, true);
    });
  };
  return nodes.flatMap(({ name = "", mesh }) => {
    const primitive = mesh === undefined ? undefined : meshes[mesh]?.primitives[0];
    if (primitive === undefined) return [];
    const kind = accessors[primitive.indices]?.componentType;
    if (kind !== UINT16 && kind !== UINT32) throw invalid(`GLB has indices of type ${kind}`);
    const positions = numbersOf(primitive.attributes.POSITION, 3);
    const corners = numbersOf(primitive.indices, 1).flatMap((index) => positions.slice(3 * index, 3 * index + 3));
    return [{ name, corners: Float64Array.from(corners) }];
  });
}
function invalid(what: string): PipelineError {
  return new PipelineError("ResultInvalid", `the written ${what}`);
}
