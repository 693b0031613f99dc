import type { ContourFront } from "./contour-front.js";

/**
 * The curvature operators of morphological snakes (Márquez-Neila, Baumela and Álvarez 2014, DOI
 * 10.1109/TPAMI.2013.106), as scikit-image has them: lines of 3 pixels in 4 directions, squares of 9 voxels in 9.
 */
export interface CurvatureSmoothing {
  /** One smoothing: sup-inf after inf-sup, and the other way round every second time. */
  smooth(): void;
}

export function curvatureSmoothing(front: ContourFront): CurvatureSmoothing {
  const { padded } = front;
  const { elements, length } = structuringElements(front);
  const hasElementOf = (i: number, value: number): boolean => {
    for (let from = 0; from < elements.length; from += length) {
      let n = from;
      const end = from + length;
      while (n < end && padded[i + elements[n]] === value) n++;
      if (n === end) return true;
    }
    return false;
  };
  // Every element holds its centre, so an erosion leaves zeros and a dilation leaves ones as they are.
  const supInf = (i: number): number => (padded[i] === 1 && hasElementOf(i, 1) ? 1 : 0);
  const infSup = (i: number): number => (padded[i] === 0 && hasElementOf(i, 0) ? 0 : 1);
  let isOdd = false;
  return {
    smooth() {
      front.update(isOdd ? supInf : infSup);
      front.update(isOdd ? infSup : supInf);
      isOdd = !isOdd;
    },
  };
}

/** Offsets of all elements, one after the other, their centres left out. */
function structuringElements(front: ContourFront): { readonly elements: Int32Array; readonly length: number } {
  const [sx, sy, sz] = front.strides;
  if (front.isFlat) {
    const lines = [sx + sy, sy, sx - sy, sx];
    return { elements: Int32Array.from(lines.flatMap((step) => [-step, step])), length: 2 };
  }
  const planes = [
    [sy, sz],
    [sx, sz],
    [sx, sy],
    [sz, sx + sy],
    [sz, sx - sy],
    [sy, sx + sz],
    [sy, sx - sz],
    [sx, sy + sz],
    [sx, sy - sz],
  ] as const;
  const elements = planes.flatMap(([a, b]) =>
    [-1, 0, 1].flatMap((i) => [-1, 0, 1].filter((j) => i !== 0 || j !== 0).map((j) => i * a + j * b)),
  );
  return { elements: Int32Array.from(elements), length: 8 };
}
