/**
 * Maps of where a network is unsure, 0 to 1 in each voxel. "uncertainty": entropy of the probabilities that decide.
 * "disagreement": mutual information of the answers of several networks, or of one to mirrored images.
 */
export const UNCERTAINTY_MAPS = ["uncertainty", "disagreement"] as const;
export type UncertaintyMap = (typeof UNCERTAINTY_MAPS)[number];
