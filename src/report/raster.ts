import { deflateSync } from "node:zlib";
import { pngFile } from "#src/core/png-file.js";

/** A picture in memory: three bytes (red, green, blue) a pixel, row by row from the top left. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export type Rgb = readonly [number, number, number];

/** PNG's filter that takes from each byte the one above it. */
const UP = 2;

/** A black picture. */
export function blackRaster(width: number, height: number): Raster {
  return { width, height, rgb: new Uint8Array(3 * width * height) };
}

/** Copies `source` into `target` with its top left corner at (x, y). The source must fit. */
export function paste(target: Raster, source: Raster, x: number, y: number): void {
  for (let row = 0; row < source.height; row++) {
    const from = source.rgb.subarray(3 * row * source.width, 3 * (row + 1) * source.width);
    target.rgb.set(from, 3 * (x + target.width * (y + row)));
  }
}

/** Mixes a colour into one pixel; `share` 1 replaces it. */
export function blend(raster: Raster, x: number, y: number, colour: Rgb, share: number): void {
  const { rgb } = raster;
  const at = 3 * (x + raster.width * y);
  for (let channel = 0; channel < 3; channel++) {
    const below = rgb[at + channel] ?? 0;
    rgb[at + channel] = Math.round(below + share * ((colour[channel] ?? 0) - below));
  }
}

/** The picture as a PNG file: no date and no text in it, so equal pictures are equal bytes. */
export function pngOf(raster: Raster): Uint8Array {
  const { width, height, rgb } = raster;
  const row = 3 * width;
  const filtered = new Uint8Array((1 + row) * height);
  for (let y = 0; y < height; y++) {
    const to = y * (1 + row);
    filtered[to] = UP;
    const from = y * row;
    if (y === 0) filtered.set(rgb.subarray(0, row), 1);
    else for (let i = 0; i < row; i++) filtered[to + 1 + i] = (rgb[from + i] ?? 0) - (rgb[from - row + i] ?? 0);
  }
  // Filter Up on every row, level 1: level 4 takes twice as long for 17 % less.
  return pngFile({ width, height, bits: 8, colour: "rgb" }, deflateSync(filtered, { level: 1 }));
}
