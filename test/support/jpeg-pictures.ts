/** A small JPEG file with what was packed in it. */
interface JpegPicture {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Sum of each channel once decoded by libjpeg-turbo 3 (through Pillow). */
  readonly sums: readonly number[];
  /** What was packed at a column, row and channel. */
  readonly valueAt: (x: number, y: number, channel: number) => number;
  /** Farthest that a decoded sample lies from it. */
  readonly tolerance: number;
}

const colourAt = (x: number, y: number, c: number) => [10 * x, 15 * y, 255 - 5 * x - 5 * y][c] ?? 0;

/** Pictures of 24 x 16 pixels, written by Pillow. */
export const JPEG_PICTURES: readonly JpegPicture[] = [
  {
    name: "grey",
    sums: [45312],
    tolerance: 2,
    valueAt: (x, y) => 7 * x + 5 * y,
    bytes: of([
      "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU",
      "FRUVDA8XGBYUGBIUFRT/wAALCAAQABgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACP/EABoQAAAHAAAAAAAAAAAAAAAAAAAGByIz",
      "QVH/2gAIAQEAAD8ADSflGNmUEqn5RjZlBKp+UY2ZQH6flGNmUEsn5RjZlBKp+UY2ZQ//2Q==",
    ]),
  },
  {
    name: "colour",
    sums: [44164, 43169, 61457],
    tolerance: 3,
    valueAt: colourAt,
    bytes: of([
      "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoK",
      "CgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK",
      "CgoKCgoKCgr/wAARCAAQABgDAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABwj/xAAaEAABBQEAAAAAAAAAAAAAAAAABggl",
      "MqIk/8QAGAEBAAMBAAAAAAAAAAAAAAAACAUHCQr/xAAYEQADAQEAAAAAAAAAAAAAAAAABiIyB//aAAwDAQACEQMRAD8AghJtprH5",
      "NW2bomrKlTnXNCck201j8h5ZuiasVyc7ZoTUm2msfkPLN0TVitTnbNDak201j8k6zdE1Zz0JzrmhNSbaax+Q8s3RNWK5Ods0JyTb",
      "TXgyHlm6JqxWpztmj//Z",
    ]),
  },
  {
    name: "colour, halved both ways",
    sums: [44002, 43248, 61484],
    tolerance: 13,
    valueAt: colourAt,
    bytes: of([
      "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYn",
      "KSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo",
      "KCgoKCgoKCj/wAARCAAQABgDASIAAhEBAxEB/8QAFwAAAwEAAAAAAAAAAAAAAAAAAAUGB//EABgQAAIDAAAAAAAAAAAAAAAAAAAE",
      "BSIx/8QAFgEBAQEAAAAAAAAAAAAAAAAABwUG/8QAHBEAAQQDAQAAAAAAAAAAAAAAAAEEBSEGIzEi/9oADAMBAAIRAxEAPwDLVIHK",
      "DpSByhfKQOUHKkDlDXS2T9shwc/yyBUgcoBrCkDlAD11k+xfQqsp/Uln/9k=",
    ]),
  },
  {
    name: "colour, progressive",
    sums: [44002, 43248, 61484],
    tolerance: 13,
    valueAt: colourAt,
    bytes: of([
      "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIyYn",
      "KSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo",
      "KCgoKCgoKCj/wgARCAAQABgDASIAAhEBAxEB/8QAFwAAAwEAAAAAAAAAAAAAAAAAAAQFBv/EABYBAQEBAAAAAAAAAAAAAAAAAAYE",
      "Bf/aAAwDAQACEAMQAAAByzt9zXhgGsDyr//EABYQAAMAAAAAAAAAAAAAAAAAAAACA//aAAgBAQABBQJYCwFgLAWAsD//xAAXEQAD",
      "AQAAAAAAAAAAAAAAAAAAAwQi/9oACAEDAQE/AYbxN+T/xAAZEQACAwEAAAAAAAAAAAAAAAAABQMEIjH/2gAIAQIBAT8BtsyVnrp/",
      "/8QAFBABAAAAAAAAAAAAAAAAAAAAIP/aAAgBAQAGPwJf/8QAFRABAQAAAAAAAAAAAAAAAAAAAGH/2gAIAQEAAT8hmmmmmm//2gAM",
      "AwEAAgADAAAAEBPf/8QAFhEBAQEAAAAAAAAAAAAAAAAAIQAx/9oACAEDAQE/EMWO3//EABYRAQEBAAAAAAAAAAAAAAAAAAAhMf/a",
      "AAgBAgEBPxDWqj//xAAVEAEBAAAAAAAAAAAAAAAAAAAAMf/aAAgBAQABPxCTJkyZMn//2Q==",
    ]),
  },
];

function of(lines: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(lines.join(""), "base64"));
}
