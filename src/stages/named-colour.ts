import type { ColourChannel } from "#src/core/colour-channels.js";
import type { ScanWarning } from "#src/core/warnings.js";
import { isClassical, type PackageManifest } from "#src/model/classical-manifest.js";

/** What the model says it reads of a colour image in this channel; undefined where it says nothing. */
export function namedColour(manifest: PackageManifest, channel: number): ColourChannel | undefined {
  return isClassical(manifest) ? undefined : manifest.channels[channel]?.colour;
}

/** Warnings of a channel's image: that a colour image is read as its brightness is none where the model asks for it. */
export function channelWarnings(
  warnings: readonly ScanWarning[],
  manifest: PackageManifest,
  channel: number,
): ScanWarning[] {
  const isNamed = namedColour(manifest, channel) !== undefined;
  return warnings.filter(({ code }) => !(isNamed && code === "ColourReduced"));
}
