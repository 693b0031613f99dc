import { percentiles } from "#src/imaging/normalise.js";
import type { Volume } from "#src/imaging/volume.js";
import type { ModelLabel } from "#src/model/manifest.js";
import { fullestLayer, type LabelProfile, labelProfile, occupiedSpan, profileAlong } from "./label-profile.js";
import { paintSlice, type Scene } from "./paint-slice.js";
import { blackRaster, paste, pngOf, type Raster } from "./raster.js";
import type { ReportPicture } from "./report-input.js";
import { type Part, PLANES, type Plane, type View, viewOf } from "./views.js";

/** Percentiles of the image that are shown as black and as white. */
const BLACK_PERCENTILE = 1;
const WHITE_PERCENTILE = 99;
/** Width at which a page shows a picture, in pixels of the page. */
const PICTURE_WIDTH = 1080;
/**
 * Pixels along the shortest edge of a voxel at most: enough for an outline inside it. More would show nothing that is not
 * in the image, and cost more than all else after the network of a small scan; the page enlarges the picture instead.
 */
const PIXELS_A_VOXEL = { views: 4, sheet: 3 };
const GAP = 4;
/** Grey of what no slice covers, so that black borders of neighbours do not run into each other. */
const GAP_GREY = 44;
/** Slices of a contact sheet at most. */
const SHEET_SLICES = 24;
/** Around the structures a contact sheet shows this much more, in millimetres or in a part of their size. */
const SHEET_MARGIN_MM = 15;
const SHEET_MARGIN_SHARE = 0.25;
/** Voxels this many times longer in one direction were acquired as slices: the sheet shows those. */
const THICK_SLICE_RATIO = 1.5;

/** Values that a picture shows as black and as white. */
export function windowOf(data: Float32Array | Int16Array): Scene["window"] {
  const [black = 0, white = 0] = percentiles(data, [BLACK_PERCENTILE, WHITE_PERCENTILE]);
  return { black, white };
}

/**
 * The pictures of a report: three orthogonal views, each at the slice that shows most of the structures, and a contact
 * sheet of the slices that hold them. A function of image and labels; equal inputs give equal bytes.
 *
 * Slices are shown anatomically, whatever the order of the source's axes: patient's right on the left, front or head
 * up. Oblique volumes are shown along the axis that is nearest. An image that does not say how it lies in the patient
 * carries no letters. Pixels have the true aspect; where the source gives no spacing, voxels are shown square.
 *
 * @param labels label map on the image's grid
 * @param structures colour of each label
 * @param isOriented whether the image says how it lies in the patient
 * @param window the image's `windowOf`, where that is known already
 * @throws {RangeError} when the label map is not on the image's grid
 */
export function renderPictures(
  image: Volume<Float32Array | Int16Array>,
  labels: Uint8Array | Uint16Array,
  structures: readonly Pick<ModelLabel, "value" | "colourRgb">[],
  isOriented: boolean,
  window: Scene["window"] = windowOf(image.data),
): ReportPicture[] {
  if (labels.length !== image.data.length) {
    throw new RangeError(`label map has ${labels.length} voxels, expected ${image.size.join(" x ")}`);
  }
  const scene: Scene = {
    image: image.data,
    labels,
    window,
    colours: new Map(structures.map(({ value, colourRgb }) => [value, colourRgb])),
  };
  const profile = labelProfile(labels, image.size);
  // A volume of one slice has a single plane that is not a line.
  const views = PLANES.map((plane) => viewOf(image, plane, isOriented)).filter(
    ({ size: [across, down] }) => across > 1 && down > 1,
  );
  const pictures = [orthogonalViews(scene, views, profile)];
  const sheet = views.find((view) => view.plane === sheetPlane(views));
  if (sheet && sheet.size[2] > 1) pictures.push(contactSheet(scene, sheet, profile));
  return pictures;
}

/** The views side by side, all at one scale. */
function orthogonalViews(scene: Scene, views: readonly View[], profile: LabelProfile): ReportPicture {
  const widths = views.map((view) => view.size[0] * view.spacing[0]);
  const tallest = Math.max(...views.map((view) => view.size[1] * view.spacing[1]));
  const room = PICTURE_WIDTH - GAP * (views.length - 1);
  const shown = Math.min(room / widths.reduce((a, b) => a + b, 0), PICTURE_WIDTH / 2 / tallest);
  const scale = Math.min(shown, mostScale(views, PIXELS_A_VOXEL.views));
  const tiles = views.map((view) => {
    const index = fullestLayer(profileAlong(profile, view, 2));
    const part = { x: 0, y: 0, width: view.size[0], height: view.size[1] };
    return paintSlice(scene, view, index, part, pixelsOf(view, part, scale));
  });
  const names = views.map((view) => view.name).join(", ");
  return picture(
    inRows(tiles, tiles.length),
    shown / scale,
    `${names}: on each axis the slice that shows most of the structures`,
    `${names} view with the structures outlined in their colours`,
  );
}

function contactSheet(scene: Scene, view: View, profile: LabelProfile): ReportPicture {
  const occupied = occupiedSpan(profileAlong(profile, view, 2));
  const total = view.size[2];
  const span = occupied === null || total <= SHEET_SLICES ? { start: 0, end: total } : occupied;
  const slices = evenly(span.start, span.end, SHEET_SLICES);
  const part = partAround(view, profile);

  const columns = columnsFor(slices.length);
  const tileWidth = Math.floor((PICTURE_WIDTH - GAP * (columns - 1)) / columns);
  const shown = tileWidth / Math.max(part.width * view.spacing[0], (part.height * view.spacing[1]) / 1.5);
  const scale = Math.min(shown, mostScale([view], PIXELS_A_VOXEL.sheet));
  const tiles = slices.map((index) => paintSlice(scene, view, index, part, pixelsOf(view, part, scale)));
  const which = slices.length === total ? `all ${total}` : `${slices.length} of ${total}`;
  const cut =
    part.width < view.size[0] || part.height < view.size[1] ? ", cut to the surroundings of the structures" : "";
  return picture(
    inRows(tiles, columns),
    shown / scale,
    `${view.name}: ${which} slices${cut}`,
    `contact sheet of ${slices.length} ${view.name} slices with the structures outlined in their colours`,
  );
}

/** The plane in which the image was acquired as slices; axial where its voxels are about as long in all directions. */
function sheetPlane(views: readonly View[]): Plane | undefined {
  const [first] = views;
  const thickest = views.toSorted((a, b) => b.spacing[2] - a.spacing[2])[0];
  if (!first || !thickest) return undefined;
  const thin = Math.min(thickest.spacing[0], thickest.spacing[1]);
  return thickest.spacing[2] > THICK_SLICE_RATIO * thin ? thickest.plane : first.plane;
}

/** The structures' box in the view's plane with a margin; the whole slice where there are none or hardly less is cut. */
function partAround(view: View, profile: LabelProfile): Part {
  const range = (axis: 0 | 1): readonly [number, number] => {
    const length = view.size[axis];
    const occupied = occupiedSpan(profileAlong(profile, view, axis));
    if (occupied === null) return [0, length];
    const margin = Math.ceil(
      Math.max(SHEET_MARGIN_MM / view.spacing[axis], SHEET_MARGIN_SHARE * (occupied.end - occupied.start)),
    );
    return [Math.max(0, occupied.start - margin), Math.min(length, occupied.end + margin)];
  };
  const [x0, x1] = range(0);
  const [y0, y1] = range(1);
  const part = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
  const whole = { x: 0, y: 0, width: view.size[0], height: view.size[1] };
  return part.width * part.height > 0.7 * whole.width * whole.height ? whole : part;
}

/** Pixels a millimetre at most, for voxels of these views. */
function mostScale(views: readonly View[], pixelsAVoxel: number): number {
  return pixelsAVoxel / Math.min(...views.flatMap(({ spacing: [right, down] }) => [right, down]));
}

function pixelsOf(view: View, part: Part, scale: number): { width: number; height: number } {
  const pixels = (voxels: number, spacing: number) => Math.max(1, Math.floor(voxels * spacing * scale));
  return { width: pixels(part.width, view.spacing[0]), height: pixels(part.height, view.spacing[1]) };
}

/** At most `most` whole numbers of [start, end), the first and the last among them, evenly spread. */
function evenly(start: number, end: number, most: number): number[] {
  const count = Math.min(most, end - start);
  if (count === 1) return [start];
  return Array.from({ length: count }, (_, n) => start + Math.round((n * (end - start - 1)) / (count - 1)));
}

/** Up to four tiles in one row; more in as many columns as leave the fewest places empty. */
function columnsFor(tiles: number): number {
  if (tiles <= 4) return tiles;
  const empty = (columns: number) => Math.ceil(tiles / columns) * columns - tiles;
  return [6, 5, 4].reduce((best, columns) => (empty(columns) < empty(best) ? columns : best));
}

function inRows(tiles: readonly Raster[], columns: number): Raster {
  const width = Math.max(...tiles.map((tile) => tile.width));
  const height = Math.max(...tiles.map((tile) => tile.height));
  const rows = Math.ceil(tiles.length / columns);
  // One row holds tiles of different widths, one beside the other; a sheet has tiles of one size.
  const lefts = tiles.map((_, n) =>
    rows === 1 ? tiles.slice(0, n).reduce((sum, tile) => sum + tile.width + GAP, 0) : (n % columns) * (width + GAP),
  );
  const whole = blackRaster(
    Math.max(...tiles.map((tile, n) => (lefts[n] ?? 0) + tile.width)),
    rows * (height + GAP) - GAP,
  );
  whole.rgb.fill(GAP_GREY);
  for (const [n, tile] of tiles.entries()) {
    const top = Math.floor(n / columns) * (height + GAP);
    paste(whole, tile, lefts[n] ?? 0, top + Math.floor((height - tile.height) / 2));
  }
  return whole;
}

/** @param enlarged how many pixels of the page show one of the picture, in each direction */
function picture(raster: Raster, enlarged: number, caption: string, alt: string): ReportPicture {
  const [width, height] = [Math.round(raster.width * enlarged), Math.round(raster.height * enlarged)];
  return { png: pngOf(raster), width, height, caption, alt };
}
