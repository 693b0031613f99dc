/**
 * An sRGB colour as DICOM's Recommended Display CIELab Value: L in [0, 100], a and b in [-128, 127], each scaled to
 * 16 bits (PS3.3 C.10.7.1.1). White point D65 without adaptation, as dcmqi, 3D Slicer and dcmjs have it, so that the
 * colour comes back in their viewers.
 *
 * @param rgb 0 to 255
 */
export function cieLabOf(rgb: readonly [number, number, number]): [number, number, number] {
  const [r, g, b] = rgb.map(linear) as [number, number, number];
  const x = compressed((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = compressed(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = compressed((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  const scaled = (value: number, from: number, range: number) =>
    Math.min(65_535, Math.max(0, Math.round(((value - from) * 65_535) / range)));
  return [scaled(116 * y - 16, 0, 100), scaled(500 * (x - y), -128, 255), scaled(200 * (y - z), -128, 255)];
}

function linear(channel: number): number {
  const value = channel / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function compressed(value: number): number {
  return value > (6 / 29) ** 3 ? Math.cbrt(value) : (841 / 108) * value + 4 / 29;
}
