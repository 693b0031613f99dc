import { blend, type Raster, type Rgb } from "./raster.js";

/** Letters of directions and digits, 5 x 7 pixels, drawn for this project. */
const GLYPHS: Readonly<Record<string, readonly string[]>> = {
  R: ["####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"],
  L: ["#....", "#....", "#....", "#....", "#....", "#....", "#####"],
  A: [".###.", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"],
  P: ["####.", "#...#", "#...#", "####.", "#....", "#....", "#...."],
  S: [".####", "#....", "#....", ".###.", "....#", "....#", "####."],
  I: [".###.", "..#..", "..#..", "..#..", "..#..", "..#..", ".###."],
  "0": [".###.", "#...#", "#..##", "#.#.#", "##..#", "#...#", ".###."],
  "1": ["..#..", ".##..", "..#..", "..#..", "..#..", "..#..", ".###."],
  "2": [".###.", "#...#", "....#", "...#.", "..#..", ".#...", "#####"],
  "3": [".###.", "#...#", "....#", "..##.", "....#", "#...#", ".###."],
  "4": ["...#.", "..##.", ".#.#.", "#..#.", "#####", "...#.", "...#."],
  "5": ["#####", "#....", "####.", "....#", "....#", "#...#", ".###."],
  "6": [".###.", "#....", "#....", "####.", "#...#", "#...#", ".###."],
  "7": ["#####", "....#", "...#.", "..#..", ".#...", ".#...", ".#..."],
  "8": [".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###."],
  "9": [".###.", "#...#", "#...#", ".####", "....#", "....#", ".###."],
};
const ADVANCE = 6;
export const TEXT_HEIGHT = 7;

const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];

/** Width in pixels of a text in letters and digits. */
export function textWidth(text: string): number {
  return text.length * ADVANCE - 1;
}

/** Writes a text, white with a black rim so that it reads on any image. Characters without a glyph leave a space. */
export function drawText(raster: Raster, text: string, x: number, y: number): void {
  for (const [colour, spread] of [[BLACK, 1] as const, [WHITE, 0] as const]) {
    for (const [n, character] of [...text].entries()) {
      drawGlyph(raster, GLYPHS[character] ?? [], x + n * ADVANCE, y, colour, spread);
    }
  }
}

function drawGlyph(raster: Raster, rows: readonly string[], x: number, y: number, colour: Rgb, spread: number): void {
  for (const [j, row] of rows.entries()) {
    for (const [i, mark] of [...row].entries()) {
      if (mark !== "#") continue;
      for (let dy = -spread; dy <= spread; dy++) {
        for (let dx = -spread; dx <= spread; dx++) {
          const [px, py] = [x + i + dx, y + j + dy];
          if (px >= 0 && py >= 0 && px < raster.width && py < raster.height) blend(raster, px, py, colour, 1);
        }
      }
    }
  }
}
