/** Numbers from a seed: the same everywhere (mulberry32), so that a finding can be made again from its seed. */
export function seededNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Values at which size and sign arithmetic goes wrong. */
const ODD_NUMBERS = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

/**
 * A damaged copy: one to eight changes, each of one of nine kinds, most of them in the first bytes, where headers are.
 *
 * @param donor another file, of which a piece may be put in
 */
export function mutate(seedFile: Uint8Array, donor: Uint8Array, seed: number): Uint8Array {
  const random = seededNumbers(seed);
  let bytes: Uint8Array = seedFile.slice();
  for (let changes = 1 + Math.min(random(8), random(8)); changes > 0 && bytes.length > 0; changes--) {
    bytes = changeOnce(bytes, donor, random);
  }
  return bytes;
}

function changeOnce(bytes: Uint8Array, donor: Uint8Array, random: (below: number) => number): Uint8Array {
  const at = random(random(3) === 0 ? bytes.length : Math.min(bytes.length, 1024));
  const length = 1 + random(Math.min(bytes.length - at, 1 << random(12)));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const odd = ODD_NUMBERS[random(ODD_NUMBERS.length)] ?? 0;
  const little = random(2) === 0;
  switch (random(9)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
      return bytes;
    case 1:
      bytes[at] = random(256);
      return bytes;
    case 2:
      if (at + 2 <= bytes.length) view.setUint16(at, odd, little);
      return bytes;
    case 3:
      if (at + 4 <= bytes.length) view.setUint32(at, odd, little);
      return bytes;
    case 4:
      bytes.fill(random(2) * 255, at, at + length);
      return bytes;
    case 5:
      return bytes.slice(0, at);
    case 6:
      return joined(bytes.subarray(0, at), bytes.subarray(at + length));
    case 7:
      return joined(bytes.subarray(0, at + length), bytes.subarray(at));
    default: {
      const from = random(donor.length);
      return joined(bytes.subarray(0, at), donor.subarray(from, from + length), bytes.subarray(at + length));
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
