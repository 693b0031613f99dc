import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { readGlb, readStl } from "#src/formats/mesh-read.js";
import { type NamedMesh, writeGlb, writeStl } from "#src/formats/mesh-write.js";
import type { Affine, Size3 } from "#src/imaging/affine.js";
import { labelBoxes } from "#src/imaging/label-boxes.js";
import { labelSurface } from "#src/imaging/label-surface.js";

/**
 * The same surface written by ours, by @gltf-transform/core (GLB) and by three's exporters (GLB and STL): time, bytes,
 * what the Khronos validator says, and whether the corners are the same numbers. Medians of three.
 *
 * @example npm install --prefix <folder> @gltf-transform/core three gltf-validator
 * node --conditions=development --import tsx bench/mesh-writers.ts <folder>
 */
const folder = resolve(process.argv[2] ?? ".");
const load = createRequire(join(folder, "package.json"));
const find = async (name: string) => import(load.resolve(name));

const size: Size3 = [256, 256, 160];
const affine: Affine = [0.7, 0.1, 0, -90, -0.1, 0.7, 0, -80, 0, 0, 1.5, 12];
const labels = new Uint8Array(size[0] * size[1] * size[2]);
for (let i = 0; i < labels.length; i++) {
  const [x, y, z] = [i % 256, Math.floor(i / 256) % 256, Math.floor(i / 65_536)];
  const radius = Math.hypot(x - 128, y - 128, (z - 80) * 1.5);
  if (radius < 100 + 6 * Math.sin(x / 5 + z / 4)) labels[i] = 1;
}
const box = labelBoxes(labels, size, [1]).get(1);
if (box === undefined) throw new Error("no label");
const mesh = labelSurface(labels, size, 1, box, affine);
const named: NamedMesh = { name: "ball", mesh, colourRgb: [200, 40, 60] };
const positions = Float32Array.from(mesh.positionsRas);
console.log(`${mesh.triangles.length / 3} triangles, ${positions.length / 3} vertices`);

const { Document, NodeIO } = await find("@gltf-transform/core");
async function byGltfTransform(): Promise<Uint8Array> {
  const document = new Document();
  const buffer = document.createBuffer();
  const position = document.createAccessor().setType("VEC3").setArray(positions).setBuffer(buffer);
  const indices = document.createAccessor().setType("SCALAR").setArray(mesh.triangles).setBuffer(buffer);
  const material = document.createMaterial("ball").setBaseColorFactor([0.58, 0.02, 0.05, 1]);
  const primitive = document.createPrimitive().setAttribute("POSITION", position).setIndices(indices);
  primitive.setMaterial(material);
  const node = document.createNode("ball").setMesh(document.createMesh("ball").addPrimitive(primitive));
  document.createScene().addChild(node);
  return new NodeIO().writeBinary(document);
}

const three = await find("three");
const { STLExporter } = await find("three/examples/jsm/exporters/STLExporter.js");
function byThree(): Uint8Array {
  const geometry = new three.BufferGeometry();
  const lps = positions.map((value, i) => (i % 3 === 2 ? value : 0 - value));
  geometry.setAttribute("position", new three.BufferAttribute(lps, 3));
  geometry.setIndex(new three.BufferAttribute(mesh.triangles, 1));
  const view: DataView = new STLExporter().parse(new three.Mesh(geometry), { binary: true });
  return new Uint8Array(view.buffer);
}

async function timed(name: string, write: () => Uint8Array | Promise<Uint8Array>): Promise<Uint8Array> {
  const seconds: number[] = [];
  let bytes = new Uint8Array(0) as Uint8Array;
  for (let run = 0; run < 3; run++) {
    const started = performance.now();
    bytes = await write();
    seconds.push((performance.now() - started) / 1000);
  }
  console.log(`${name}: ${seconds.sort((a, b) => a - b)[1]?.toFixed(3)} s, ${bytes.length} bytes`);
  return bytes;
}

const glbs = {
  "GLB, ours": await timed("GLB, ours", () => writeGlb([named])),
  "GLB, @gltf-transform/core": await timed("GLB, @gltf-transform/core", byGltfTransform),
};
const validator = load("gltf-validator");
for (const [name, bytes] of Object.entries(glbs)) {
  const { issues } = await validator.validateBytes(bytes);
  const { numErrors, numWarnings, numInfos, messages } = issues;
  const codes = messages.map(({ code }: { code: string }) => code).join(" ");
  console.log(`${name}: validator: ${numErrors} errors, ${numWarnings} warnings, ${numInfos} notes ${codes}`);
}
const read = await new NodeIO().readBinary(glbs["GLB, ours"]);
const [primitive] = read.getRoot().listMeshes()[0].listPrimitives();
const theirs: Float32Array = primitive.getAttribute("POSITION").getArray();
const indices: Uint32Array = primitive.getIndices().getArray();
const areSame = theirs.every((value, i) => value === positions[i]);
console.log("ours, read by @gltf-transform/core: corners equal", areSame);
console.log(
  "triangles equal",
  indices.every((value, i) => value === mesh.triangles[i]),
);
console.log("theirs, read by ours: surfaces", readGlb(glbs["GLB, @gltf-transform/core"]).length);
const stls = [await timed("STL, ours", () => writeStl(mesh)), await timed("STL, three", byThree)] as const;
// The header, of which three's is empty, is no part of the comparison.
stls[1].set(stls[0].subarray(0, 80));
const [own, other] = stls.map((bytes) => readStl(bytes));
console.log(
  "STL: corners equal",
  own?.every((value, i) => value === other?.[i]),
);
