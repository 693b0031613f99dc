/** A numpy file as `numpy.save` writes it. */
export function buildNpy(
  type: string,
  shape: readonly number[],
  values: Uint8Array,
  options: { readonly version?: 1 | 2; readonly fortran?: boolean } = {},
): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const order = options.fortran === true ? "True" : "False";
  const text = `{'descr': '${type}', 'fortran_order': ${order}, 'shape': ${tuple}, }\n`;
  const version = options.version ?? 1;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return new Uint8Array(
    Buffer.concat([Buffer.from("\x93NUMPY", "latin1"), Buffer.from([version, 0]), length, Buffer.from(text), values]),
  );
}
