import { describe, expect, it } from "vitest";
import type { FoundScan, UploadEntry } from "#src/formats/scan.js";
import type { Grid } from "#src/imaging/volume.js";
import { channelGroups } from "#src/stages/channel-groups.js";

const grid: Grid = { size: [4, 5, 6], affineRas: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0], spacingMm: [1, 1, 2] };
const scanOf = (ordinal: number, changes: Partial<FoundScan> = {}): FoundScan => ({
  ...{ format: "nifti", entries: [ordinal], parts: null, instances: [`d${ordinal}`], modality: null, bodyPart: null },
  ...{ mayShowText: true, transferSyntaxUid: null, irregular: null, grid, warnings: [] },
  ...changes,
});
const entriesOf = (...names: string[]): UploadEntry[] =>
  names.map((name, ordinal) => ({ ordinal, name, size: 1, read: async () => new Uint8Array() }));
const two = {
  id: "two",
  channels: [
    { name: "t1", modalities: ["MR"] },
    { name: "t2", modalities: ["MR"] },
  ],
};
const ordinals = (groups: readonly (readonly FoundScan[])[]) =>
  groups.map((group) => group.map((one) => one.entries[0]));

describe("channelGroups", () => {
  it("leaves every image alone for a model of one channel", () => {
    const [t1] = two.channels;
    const scans = [scanOf(0), scanOf(1)];
    expect(
      ordinals(channelGroups(scans, entriesOf("a_0000.nii", "a_0001.nii"), { id: "one", channels: [t1 as never] })),
    ).toEqual([[0], [1]]);
  });

  it("orders channels by nnU-Net's suffixes, case by case", () => {
    const entries = entriesOf("b_0001.nii.gz", "a_0001.nii", "a_0000.nii", "b_0000.nii.gz");
    expect(
      ordinals(
        channelGroups(
          [0, 1, 2, 3].map((n) => scanOf(n)),
          entries,
          two,
        ),
      ),
    ).toEqual([
      [3, 0],
      [2, 1],
    ]);
  });

  it("takes the volumes of one file in their order", () => {
    const scans = [scanOf(0, { parts: [1] }), scanOf(0, { parts: [2] })];
    const [group] = channelGroups(scans, entriesOf("both.nii"), two);
    expect(group?.map(({ parts }) => parts)).toEqual([[1], [2]]);
  });

  it("tells series by the modalities that the channels name", () => {
    const scans = [scanOf(0, { format: "dicom", modality: "PT" }), scanOf(9, { format: "dicom", modality: "CT" })];
    const pet = {
      id: "pet-ct",
      channels: [
        { name: "ct", modalities: ["CT"] },
        { name: "pet", modalities: ["PT"] },
      ],
    };
    expect(ordinals(channelGroups(scans, entriesOf("x", "y"), pet))).toEqual([[9, 0]]);
    const unclear = () =>
      channelGroups(
        scans.map((scan) => ({ ...scan, modality: "MR" })),
        entriesOf("x", "y"),
        two,
      );
    expect(unclear).toThrow(
      expect.objectContaining({
        code: "InputMismatch",
        message: expect.stringContaining("2 images whose channels cannot be told apart"),
      }),
    );
  });

  it.each([
    ["one channel is missing", ["a_0000.nii"], "image of entry 0 has 1 channels, two expects 2"],
    ["one is too many", ["a_0000.nii", "a_0001.nii", "a_0002.nii"], "image of entry 0 has 3 channels, two expects 2"],
    ["there is a gap", ["a_0001.nii"], "image of entry 0 has no channel _0000, expected one"],
    ["a name has no suffix", ["a_0000.nii", "t2.nii"], "two reads 2 images together, found 2 images whose channels"],
  ])("refuses an upload where %s", (_, names, message) => {
    const scans = names.map((_, n) => scanOf(n));
    expect(() => channelGroups(scans, entriesOf(...names), two)).toThrow(
      expect.objectContaining({ code: "InputMismatch", message: expect.stringContaining(message) }),
    );
  });

  const moved = (...shift: [number, number, number]): Grid => {
    const [x, y, z] = shift;
    return { ...grid, affineRas: [1, 0, 0, x, 0, 1, 0, y, 0, 0, 2, z] };
  };
  it.each([
    [
      "another size",
      { ...grid, size: [4, 5, 7] } satisfies Grid,
      "has 4 x 5 x 7 voxels, expected 4 x 5 x 6 as channel 0",
    ],
    ["another place", moved(0, 0.5, 0), "has a corner 0.50 mm from that of channel 0, expected the same grid"],
    [
      "another spacing",
      { ...grid, affineRas: [1.1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0] } satisfies Grid,
      "has a corner 0.40 mm from that of channel 0, expected the same grid",
    ],
  ] as const)("refuses a channel with %s, and lets rounding pass", (_, other, message) => {
    const entries = entriesOf("a_0000.nii", "a_0001.nii");
    const group = (second: Grid) => () => channelGroups([scanOf(0), scanOf(1, { grid: second })], entries, two);
    expect(group(other)).toThrow(
      expect.objectContaining({ code: "InputMismatch", message: `channel 1 (entry 1) ${message}` }),
    );
    expect(group(moved(0, 0.009, 0))).not.toThrow();
  });
});
