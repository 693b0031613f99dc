import { PipelineError } from "#src/core/errors.js";
import { applyAffine, invertAffine } from "#src/imaging/affine.js";
import { volumeOrSlices } from "#src/imaging/classical/each-slice.js";
import { growByConfidence, growRegion } from "#src/imaging/classical/region-growing.js";
import { percentile } from "#src/imaging/normalise.js";
import { otsuThreshold } from "#src/imaging/otsu.js";
import type { MethodOf } from "#src/model/classical-method.js";
import { firstChannel } from "./first-channel.js";
import type { ClassicalInput } from "./segment-classical.js";
import { withoutSpacing } from "./voxel-features.js";

type RegionGrowing = MethodOf<"region-growing">;

/** Region growing from seeds by a rule. In 2-D each slice grows from its own seeds; thresholds are of the whole image. */
export function grownMask(input: ClassicalInput, method: RegionGrowing): Uint8Array {
  const image = firstChannel(input);
  const seeds = seedsOf(input, image, method.seeds);
  const { accept, connectivity } = method;
  const range = accept.rule === "confidence" ? null : rangeOf(image, seeds, accept);
  return volumeOrSlices(method.dimensions, input.size, (first, end, size) => {
    const part = image.subarray(first, end);
    const inPart = seeds.filter((seed) => seed >= first && seed < end).map((seed) => seed - first);
    if (accept.rule === "confidence") return growByConfidence(part, size, inPart, accept);
    return growRegion(part, size, inPart, range ?? { low: 0, high: -1 }, connectivity);
  });
}

function seedsOf(
  { size, affineRas, spacingMm }: ClassicalInput,
  image: Float32Array,
  rule: RegionGrowing["seeds"],
): Uint32Array {
  if (rule.rule === "points") {
    if (spacingMm === null) throw withoutSpacing("pointsRasMm");
    const toVoxel = invertAffine(affineRas);
    const inside = rule.pointsRasMm.flatMap((point) => {
      const [x, y, z] = applyAffine(toVoxel, point);
      const voxel = [Math.round(x), Math.round(y), Math.round(z)] as const;
      const isInside = voxel.every((v, axis) => v >= 0 && v < (size[axis] ?? 0));
      return isInside ? [voxel[0] + size[0] * (voxel[1] + size[1] * voxel[2])] : [];
    });
    if (inside.length > 0) return Uint32Array.from(inside);
    const found = `none of ${rule.pointsRasMm.length} seed points lies inside the image`;
    throw new PipelineError("InputMismatch", `${found}, region growing expects at least one`);
  }
  const limit = percentile(image, rule.percentile);
  const isSeed =
    rule.rule === "above-percentile" ? (value: number) => value >= limit : (value: number) => value <= limit;
  const seeds: number[] = [];
  for (let i = 0; i < image.length; i++) if (isSeed(image[i] ?? 0)) seeds.push(i);
  return Uint32Array.from(seeds);
}

function rangeOf(
  image: Float32Array,
  seeds: Uint32Array,
  accept: Exclude<RegionGrowing["accept"], { rule: "confidence" }>,
): { readonly low: number; readonly high: number } {
  switch (accept.rule) {
    case "range":
      return { low: accept.low ?? Number.NEGATIVE_INFINITY, high: accept.high ?? Number.POSITIVE_INFINITY };
    case "tolerance": {
      const mean = seeds.reduce((sum, seed) => sum + (image[seed] ?? 0), 0) / Math.max(1, seeds.length);
      return { low: mean - accept.tolerance, high: mean + accept.tolerance };
    }
    case "otsu": {
      const threshold = otsuThreshold(image);
      return accept.side === "above"
        ? { low: threshold, high: Number.POSITIVE_INFINITY }
        : { low: Number.NEGATIVE_INFINITY, high: threshold };
    }
  }
}
