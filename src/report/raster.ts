import { PNG } from "pngjs";

/** A picture in memory: three bytes (red, green, blue) a pixel, row by row from the top left. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export type Rgb = readonly [number, number, number];

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
  const at = 3 * (x + raster.width * y);
  for (let channel = 0; channel < 3; channel++) {
    const below = raster.rgb[at + channel] ?? 0;
    raster.rgb[at + channel] = Math.round(below + share * ((colour[channel] ?? 0) - below));
  }
}

/** The picture as a PNG file: no date and no text in it, so equal pictures are equal bytes. */
export function pngOf(raster: Raster): Uint8Array {
  const { width, height, rgb } = raster;
  const png = new PNG({ width, height });
  png.data.fill(255);
  for (let from = 0, to = 0; from < rgb.length; to++) {
    png.data[to++] = rgb[from++] ?? 0;
    png.data[to++] = rgb[from++] ?? 0;
    png.data[to++] = rgb[from++] ?? 0;
  }
  // RGB without alpha, filter Up on every row, level 4: a sheet of 1076 x 1056 in 89 ms and 0.63 MB; Paeth and level 6
  // take 219 ms for 0.60 MB. At the end of a small scan nothing else takes as long.
  return new Uint8Array(PNG.sync.write(png, { colorType: 2, filterType: 2, deflateStrategy: 0, deflateLevel: 4 }));
}
