import { describe, expect, it } from "vitest";
import { COMPRESSED_SYNTAXES, type DecodedFrame, frameDecoder } from "#src/formats/codecs/frame-decoder.js";
import { COLUMNS, phantom, ROWS } from "./phantom.js";
import { DECODED, STREAMS } from "./streams.js";

const ROOT = "1.2.840.10008.1.2.4.";
const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));

type Name = keyof typeof STREAMS;

const SYNTAX_OF: Readonly<Record<Name, string>> = {
  lossless16: "70",
  lossless16p2: "57",
  lossless16p3: "57",
  lossless16p4: "57",
  lossless16p5: "57",
  lossless16p6: "57",
  lossless16p7: "57",
  baseline: "50",
  extended12: "51",
  progressive: "55",
  colour420: "50",
  jpegls: "80",
  jpeglsColour: "80",
  jpeg2000: "90",
  jpeg2000Colour: "90",
  htj2k: "201",
};
const NAMES = Object.keys(STREAMS) as Name[];

async function decode(name: Name, stream = bytesOf(STREAMS[name]), size: { rows?: number; columns?: number } = {}) {
  const decoder = await frameDecoder(ROOT + SYNTAX_OF[name]);
  const samples = name.toLowerCase().includes("colour") ? 3 : 1;
  return decoder(stream, { rows: ROWS, columns: COLUMNS, samples, ...size }, "entry 1");
}

/** Samples of a pixel beside each other, however they came. */
function samplesOf({ bytes, bytesPerSample, isInterleaved }: DecodedFrame): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / bytesPerSample;
  const of = count / (COLUMNS * ROWS);
  return Array.from({ length: count }, (_, i) => {
    const at = isInterleaved ? i : (i % of) * COLUMNS * ROWS + Math.floor(i / of);
    return bytesPerSample === 1 ? view.getUint8(at) : view.getUint16(2 * at, true);
  });
}

describe("frameDecoder, lossless", () => {
  it.each(NAMES.filter((name) => name.startsWith("lossless")))("gives the pixels of %s back", async (name) => {
    expect(samplesOf(await decode(name))).toEqual(phantom(16));
  });

  it.each(["jpegls", "jpeg2000", "htj2k"] as const)("gives the pixels of %s back", async (name) => {
    expect(samplesOf(await decode(name))).toEqual(phantom(16));
  });

  it.each(["jpeglsColour", "jpeg2000Colour"] as const)("gives the colours of %s back", async (name) => {
    expect(samplesOf(await decode(name))).toEqual(phantom(8, 3));
  });
});

describe("frameDecoder, lossy", () => {
  it.each(["baseline", "progressive"] as const)("gives the samples that libjpeg gives of %s", async (name) => {
    expect(samplesOf(await decode(name))).toEqual([...bytesOf(DECODED[name])]);
  });

  it("gives the samples of 12 bits that libjpeg gives", async () => {
    const expected = new Uint16Array(bytesOf(DECODED.extended12).buffer);
    expect(Math.max(...expected)).toBeGreaterThan(255);
    expect(samplesOf(await decode("extended12"))).toEqual([...expected]);
  });

  it("brings colours of half the rows and columns to full size as libjpeg does", async () => {
    expect(samplesOf(await decode("colour420"))).toEqual([...bytesOf(DECODED.colour420)]);
  });
});

describe("frameDecoder of damaged streams", () => {
  it.each(NAMES)("refuses %s of another size than its header says", async (name) => {
    const refused = { code: "InputUnreadable", message: expect.stringContaining("its header says") };
    await expect(decode(name, undefined, { rows: ROWS + 1 })).rejects.toMatchObject(refused);
    await expect(decode(name, undefined, { columns: COLUMNS - 1 })).rejects.toMatchObject(refused);
  });

  it.each(NAMES)("refuses %s cut in half", async (name) => {
    const stream = bytesOf(STREAMS[name]);
    const half = stream.subarray(0, Math.floor(stream.length / 2));
    await expect(decode(name, half)).rejects.toMatchObject({ code: "InputUnreadable" });
  });

  it.each(NAMES)("refuses %s with another start", async (name) => {
    const stream = bytesOf(STREAMS[name]);
    stream.fill(0, 0, 20);
    await expect(decode(name, stream)).rejects.toMatchObject({ code: "InputUnreadable" });
  });

  it.each(NAMES.filter((name) => !name.startsWith("j") && name !== "htj2k"))(
    "refuses %s without its Huffman tables",
    async (name) => {
      const stream = bytesOf(STREAMS[name]);
      // An application segment in their place.
      for (let at = 0; at < stream.length; at++)
        if (stream[at] === 0xff && stream[at + 1] === 0xc4) stream[at + 1] = 0xef;
      await expect(decode(name, stream)).rejects.toMatchObject({ code: "InputUnreadable" });
    },
  );

  it.each(NAMES)("ends with pixels or a typed error whatever byte of %s is changed", async (name) => {
    const whole = bytesOf(STREAMS[name]);
    for (let at = 0; at < whole.length; at += 7) {
      const stream = whole.slice();
      stream[at] = (stream[at] ?? 0) ^ (1 << (at % 8));
      const outcome = await decode(name, stream).catch((error: { code?: string }) => error.code);
      if (typeof outcome === "object") expect(samplesOf(outcome).length % (COLUMNS * ROWS)).toBe(0);
      else expect(["InputUnreadable", "InputUnsupported", "InputUnsafe"]).toContain(outcome);
    }
  });

  it.each([...COMPRESSED_SYNTAXES])(
    "refuses a claim of 65,535 x 65,535 pixels in %s before it takes memory",
    async (uid) => {
      const decoder = await frameDecoder(uid);
      const before = process.memoryUsage().rss;
      const claim = { rows: 65_535, columns: 65_535, samples: 1 };
      expect(() => decoder(bytesOf(STREAMS.lossless16), claim, "entry 1")).toThrow(
        expect.objectContaining({ code: "InputUnsafe" }),
      );
      expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28);
    },
  );

  it("does not know a syntax that is no compression", async () => {
    await expect(frameDecoder("1.2.840.10008.1.2.1")).rejects.toThrow(RangeError);
  });
});
