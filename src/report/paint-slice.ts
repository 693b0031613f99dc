import { drawText, TEXT_HEIGHT, textWidth } from "./glyphs.js";
import { blackRaster, blend, type Raster, type Rgb } from "./raster.js";
import { type Stretch, stretchLinear, stretchNearest } from "./stretch.js";
import { type Edges, type Part, sliceOf, slicePosition, type View } from "./views.js";

/** What every slice of a report is painted from. */
export interface Scene {
  readonly image: Float32Array | Int16Array;
  readonly labels: Uint8Array | Uint16Array;
  /** Values shown as black and as white. */
  readonly window: { readonly black: number; readonly white: number };
  /** Colour of each label; one that is missing is shown in white. */
  readonly colours: ReadonlyMap<number, Rgb>;
}

/** How much of a structure's colour lies over the image inside its outline. */
const FILL_SHARE = 0.16;
const MARGIN = 4;
const WHITE: Rgb = [255, 255, 255];

/**
 * A part of a slice as a picture of the given size: image, structures with outline, letters at the edges and position
 * as far as they are known.
 */
export function paintSlice(
  scene: Scene,
  view: View,
  index: number,
  part: Part,
  pixels: { readonly width: number; readonly height: number },
): Raster {
  const across: Stretch = { start: part.x, span: part.width, pixels: pixels.width };
  const down: Stretch = { start: part.y, span: part.height, pixels: pixels.height };
  const [width] = view.size;
  const raster = greyRaster(
    stretchLinear(sliceOf(scene.image, view, index), width, across, down),
    pixels,
    scene.window,
  );
  paintLabels(raster, stretchNearest(sliceOf(scene.labels, view, index), width, across, down), scene.colours);
  paintLetters(raster, view, index);
  return raster;
}

function greyRaster(
  values: Float32Array,
  size: { readonly width: number; readonly height: number },
  { black, white }: Scene["window"],
): Raster {
  const raster = blackRaster(size.width, size.height);
  const scale = white > black ? 255 / (white - black) : 0;
  const { rgb } = raster;
  let to = 0;
  for (let i = 0; i < values.length; i++) {
    // Rounds, as what is stored of it is cut off.
    const grey = Math.min(255, Math.max(0, ((values[i] ?? 0) - black) * scale)) + 0.5;
    rgb[to++] = grey;
    rgb[to++] = grey;
    rgb[to++] = grey;
  }
  return raster;
}

/** The outline runs on the structure's own outermost pixels, so that neighbours both keep theirs. */
function paintLabels(raster: Raster, labels: Uint16Array, colours: Scene["colours"]): void {
  const { width, height } = raster;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] ?? 0;
    if (label === 0) continue;
    const x = i % width;
    const y = (i - x) / width;
    const onRim =
      (x > 0 && labels[i - 1] !== label) ||
      (x < width - 1 && labels[i + 1] !== label) ||
      (y > 0 && labels[i - width] !== label) ||
      (y < height - 1 && labels[i + width] !== label);
    blend(raster, x, y, colours.get(label) ?? WHITE, onRim ? 1 : FILL_SHARE);
  }
}

function paintLetters(raster: Raster, view: View, index: number): void {
  if (view.edges !== null) paintEdges(raster, view.edges);
  drawText(raster, slicePosition(view, index), MARGIN, raster.height - MARGIN - TEXT_HEIGHT);
}

function paintEdges(raster: Raster, { left, right, top, bottom }: Edges): void {
  const { width, height } = raster;
  const middleX = Math.floor((width - textWidth("R")) / 2);
  const middleY = Math.floor((height - TEXT_HEIGHT) / 2);
  drawText(raster, left, MARGIN, middleY);
  drawText(raster, right, width - MARGIN - textWidth(right), middleY);
  drawText(raster, top, middleX, MARGIN);
  drawText(raster, bottom, middleX, height - MARGIN - TEXT_HEIGHT);
}
