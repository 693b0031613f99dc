/** What a network may read of a colour image. */
export const COLOUR_CHANNELS = ["brightness", "red", "green", "blue"] as const;
export type ColourChannel = (typeof COLOUR_CHANNELS)[number];

/** Shares of red, green and blue in a channel; brightness is the luma of ITU-R BT.601. */
export const COLOUR_SHARES: Readonly<Record<ColourChannel, readonly [red: number, green: number, blue: number]>> = {
  brightness: [0.299, 0.587, 0.114],
  red: [1, 0, 0],
  green: [0, 1, 0],
  blue: [0, 0, 1],
};
