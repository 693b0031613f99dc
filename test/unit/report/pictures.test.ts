import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { type Affine, affineFromColumns, type Size3, spacingOfAffine } from "#src/imaging/affine.js";
import { planReorientation, reorient } from "#src/imaging/orient.js";
import type { Volume } from "#src/imaging/volume.js";
import { renderPictures } from "#src/report/pictures.js";
import type { ReportPicture } from "#src/report/report-input.js";

const COLOURS = [
  { value: 1, colourRgb: [255, 0, 0] as [number, number, number] },
  { value: 2, colourRgb: [0, 0, 255] as [number, number, number] },
];

interface Case {
  readonly image: Volume<Float32Array>;
  readonly labels: Uint8Array;
}

/** A dark block with label 1 at the patient's right, front and head, and label 2 at the left, back and feet. */
function corners(size: Size3 = [20, 30, 10], spacing: readonly [number, number, number] = [1, 1, 3]): Case {
  const affineRas = affineFromColumns([spacing[0], 0, 0], [0, spacing[1], 0], [0, 0, spacing[2]], [-10, -20, 5]);
  const data = new Float32Array(size[0] * size[1] * size[2]);
  const labels = new Uint8Array(data.length);
  let i = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++, i++) {
        data[i] = 100 + x + 3 * y + 5 * z;
        const [fx, fy, fz] = [x / (size[0] - 1 || 1), y / (size[1] - 1 || 1), z / (size[2] - 1 || 1)];
        if (fx > 0.6 && fy > 0.6 && fz >= 0.5) labels[i] = 1;
        if (fx < 0.3 && fy < 0.3 && fz < 0.5) labels[i] = 2;
      }
    }
  }
  return { image: { size, affineRas, spacingMm: spacing, data }, labels };
}

/** The same patient, stored with other axes. */
function stored({ image, labels }: Case, orientation: string): Case {
  const plan = planReorientation(image.affineRas, image.size, orientation);
  const affineRas: Affine = plan.affine;
  return {
    image: {
      size: plan.size,
      affineRas,
      spacingMm: spacingOfAffine(affineRas),
      data: reorient(image.data, image.size, plan),
    },
    labels: reorient(labels, image.size, plan),
  };
}

function first(pictures: readonly ReportPicture[]): ReportPicture {
  const [picture] = pictures;
  if (!picture) throw new Error("no picture");
  return picture;
}

/** Mean place of the pixels of one pure colour, as fractions of the picture's width and height. */
function placeOf(picture: ReportPicture, colour: readonly number[], to = 1): { x: number; y: number; count: number } {
  const png = PNG.sync.read(Buffer.from(picture.png));
  let [x, y, count] = [0, 0, 0];
  for (let i = 0; i < png.width * png.height; i++) {
    const column = i % png.width;
    if (column > to * png.width || !colour.every((value, n) => png.data[4 * i + n] === value)) continue;
    x += column / png.width;
    y += Math.floor(i / png.width) / png.height;
    count++;
  }
  return { x: x / count, y: y / count, count };
}

describe("renderPictures", () => {
  it("shows the patient's right on the left and the front up", () => {
    const { image, labels } = corners();
    const picture = first(renderPictures(image, labels, COLOURS, true));
    // Axial, coronal, sagittal side by side: the axial view is the first 20 of 20 + 20 + 30 mm.
    const red = placeOf(picture, [255, 0, 0], 20 / 70);
    expect(red.count).toBeGreaterThan(20);
    expect(red.x).toBeLessThan(10 / 70);
    expect(red.y).toBeLessThan(0.5);
  });

  it.each(["LPS", "LAI", "PIR", "ASR"])("gives the same bytes for a volume stored as %s", (orientation) => {
    const reference = corners();
    const other = stored(reference, orientation);
    const expected = renderPictures(reference.image, reference.labels, COLOURS, true);
    const found = renderPictures(other.image, other.labels, COLOURS, true);
    expect(found.map(({ png }) => Buffer.from(png).toString("base64"))).toEqual(
      expected.map(({ png }) => Buffer.from(png).toString("base64")),
    );
    expect(found.map(({ caption }) => caption)).toEqual(expected.map(({ caption }) => caption));
  });

  it("shows voxels at their true aspect", () => {
    // One view of 40 x 20 mm with voxels of 2 x 0.5 mm.
    const { image, labels } = corners([20, 40, 1], [2, 0.5, 1]);
    const picture = first(renderPictures(image, labels, COLOURS, true));
    expect(picture.width / picture.height).toBeCloseTo(2, 1);
  });

  it("shows square voxels where the spacing is unknown", () => {
    const { image, labels } = corners([20, 40, 1], [2, 0.5, 1]);
    const picture = first(renderPictures({ ...image, spacingMm: null }, labels, COLOURS, true));
    expect(picture.width / picture.height).toBeCloseTo(0.5, 1);
  });

  it("shows an image of one slice once", () => {
    const { image, labels } = corners([20, 30, 1]);
    const pictures = renderPictures(image, labels, COLOURS, true);
    expect(pictures.map(({ caption }) => caption.split(":")[0])).toEqual(["axial"]);
  });

  it("makes the contact sheet of the slices that were acquired", () => {
    const thickCoronal = corners([20, 12, 30], [1, 5, 1]);
    const captions = renderPictures(thickCoronal.image, thickCoronal.labels, COLOURS, true).map(
      ({ caption }) => caption,
    );
    expect(captions[1]).toMatch(/^coronal: all 12 slices/);
  });

  it("shows at most 24 slices of those that hold a structure", () => {
    const { image, labels } = corners([12, 12, 80], [1, 1, 1]);
    labels.fill(0, 12 * 12 * 70);
    labels.fill(0, 0, 12 * 12 * 10);
    const sheet = renderPictures(image, labels, COLOURS, true)[1];
    expect(sheet?.caption).toMatch(/^axial: 24 of 80 slices/);
  });

  it("cuts a contact sheet to the surroundings of a small structure", () => {
    const { image, labels } = corners([120, 120, 6], [1, 1, 4]);
    labels.fill(0);
    for (let y = 50; y < 60; y++) labels.fill(1, 120 * y + 30, 120 * y + 40);
    expect(renderPictures(image, labels, COLOURS, true)[1]?.caption).toContain("cut to the surroundings");
  });

  it("shows the image alone when no structure was found", () => {
    const { image, labels } = corners();
    const pictures = renderPictures(image, labels.fill(0), COLOURS, true);
    expect(pictures).toHaveLength(2);
    for (const picture of pictures) expect(placeOf(picture, [255, 0, 0]).count).toBe(0);
  });

  it("shows a constant image without dividing by zero", () => {
    const { image, labels } = corners();
    const flat = { ...image, data: image.data.map(() => 7) };
    expect(placeOf(first(renderPictures(flat, labels, COLOURS, true)), [255, 0, 0]).count).toBeGreaterThan(0);
  });

  it("draws few pixels of few voxels, and lets the page enlarge them", () => {
    // Voxels of 1 x 1 x 3 mm; axial, coronal and sagittal view are 20, 20 and 30 mm wide, with 4 pixels a voxel.
    const { image, labels } = corners();
    const [views, sheet] = renderPictures(image, labels, COLOURS, true);
    expect(PNG.sync.read(Buffer.from(views?.png ?? [])).width).toBe(4 * 70 + 2 * 4);
    expect(views?.width).toBeGreaterThan(1060);
    // Ten slices in five columns, with 3 pixels a voxel.
    expect(PNG.sync.read(Buffer.from(sheet?.png ?? [])).width).toBe(5 * 3 * 20 + 4 * 4);
    expect(sheet?.width).toBeGreaterThan(1060);
  });

  it("draws a large slice no wider than the page", () => {
    const { image, labels } = corners([1200, 30, 1]);
    expect(PNG.sync.read(Buffer.from(first(renderPictures(image, labels, COLOURS, true)).png)).width).toBe(1080);
  });

  it("draws no letter and no number on a picture that lies nowhere in a patient", () => {
    const { image } = corners([300, 200, 1]);
    const dark = { ...image, data: image.data.fill(0), spacingMm: null };
    const none = new Uint8Array(dark.data.length);
    const lit = (isOriented: boolean) =>
      PNG.sync
        .read(Buffer.from(first(renderPictures(dark, none, COLOURS, isOriented)).png))
        .data.some((value, i) => i % 4 < 3 && value > 0);
    expect([lit(true), lit(false)]).toEqual([true, false]);
  });

  it("names the stored axes of an image that does not say how it lies", () => {
    const { image, labels } = stored(corners(), "AIR");
    const captions = renderPictures(image, labels, COLOURS, false).map(({ caption }) => caption.split(":")[0]);
    // Stored as front, feet, right: what would be axial runs along z and x.
    expect(captions).toEqual(["plane z-x, plane z-y, plane x-y", "plane z-x"]);
  });

  it("refuses a label map of another grid", () => {
    const { image, labels } = corners();
    expect(() => renderPictures(image, labels.subarray(1), COLOURS, true)).toThrow(RangeError);
  });
});
