import type { ConformanceCase } from "./cases.js";
import type { OurReading } from "./conformance.js";

/** How one oracle's images of a case differ from ours. */
export interface OracleRecord {
  readonly images: number;
  /** Images of the oracle for which we have none of the same size. */
  readonly unmatched?: number;
  /** Largest value. */
  readonly scale?: number;
  /** Largest difference of a voxel; null where nothing could be compared. */
  readonly voxels?: number | null;
  /** Largest distance of a corner in millimetres; null where one side has no place. */
  readonly corners?: number | null;
  /** Why the oracle gave nothing. */
  readonly note?: string;
}

export type ConformanceRow = ConformanceCase &
  OurReading & {
    readonly oracles: Readonly<Record<string, OracleRecord>>;
    /** What the file is, by its DICOM SOP class; null where it has none. */
    readonly object: string | null;
  };

/** Rounding to float32 is no difference. */
const SAME_VALUE = 1e-3;
const SAME_OF_LARGEST = 1e-7;
const SAME_PLACE_MM = 0.005;

/** The table of all cases as Markdown, what is not at the goal first. */
export function conformancePage(rows: readonly ConformanceRow[]): string {
  const read = rows.filter((row) => row.code === null);
  const verdicts = (row: ConformanceRow) => Object.values(row.oracles).filter((one) => one.images > 0);
  const everyone = read.filter((row) => verdicts(row).every(agrees));
  const someone = read.filter((row) => !verdicts(row).every(agrees) && verdicts(row).some(agrees));
  const nobody = read.filter((row) => verdicts(row).length > 0 && !verdicts(row).some(agrees));
  const refused = rows.filter((row) => row.code !== null);
  const readable = refused.filter((row) => verdicts(row).length > 0);
  const unreadable = refused.filter((row) => verdicts(row).length === 0);
  return [
    "# Conformance: every file beside the oracles",
    "",
    "Made by `npm run conformance -- <data folder>`. A row is one file, or the folder of a series. For each oracle:",
    "largest voxel difference / largest distance of corresponding corners in millimetres, over all images that it read;",
    "`-` where it read nothing; `unmatched` where it puts together what are several images here, or takes apart what is",
    "one. Values are compared after rescaling, colours as luminance (ITU-R BT.601); differences below float32 rounding",
    `(${SAME_VALUE}, or ${SAME_OF_LARGEST} of the largest value) count as none.`,
    "",
    `${rows.length} cases. Read: ${read.length}, of which ${everyone.length} equal every oracle that reads them,`,
    `${someone.length} equal one oracle while another reads them otherwise, ${nobody.length} equal none. Refused:`,
    `${refused.length}, of which an oracle reads ${readable.length}.`,
    "",
    ...WHY,
    ...section("Read, and unlike every oracle", nobody),
    ...section("Read like one oracle, where another differs from it", someone),
    ...section("Refused, while an oracle reads something", readable),
    ...section("Refused, by the oracles too", unreadable),
    ...section("Read, equal to every oracle that reads it", everyone),
  ].join("\n");
}

/** What was found behind the rows in which somebody differs. */
const WHY: readonly string[] = [
  "## Why they differ",
  "",
  "- `unmatched`: time points, echoes, orientations and frames that lie nowhere are images of their own here. pydicom",
  "  (a stack along the normal, in this comparison) and SimpleITK (GDCM's series reader) put them into one, and average",
  "  the step over what is missing. Of tilted series dcm2niix keeps the tilt or makes a grid of its own.",
  "- `sunnybrook-lv/SCD0000101`: the positions in the headers are 9.99932 to 10.00068 mm apart. The step here is that",
  "  between the first slice and the last, that of dcm2niix another; a corner is 0.01 mm away.",
  "- `HTJ2K_08_RGB.dcm`: lossy. OpenJPH and OpenJPEG round one step apart in some pixels; 0.886 is one step of two",
  "  channels.",
  "- SimpleITK turns MONOCHROME1 upside down, here small stays small; it and dcm2niix give the indexes of a palette",
  "  and do not look up a modality LUT.",
  "- dcm2niix, as Debian builds it, reads no deflated files, JPEG-LS, HTJ2K and 12-bit JPEG, keeps the bits of overlays",
  "  in the pixels, and decodes subsampled colour of JPEG with an upsampling of its own.",
  "- pydicom differs by 1 or 2 where its JPEG of 12 bits is lossy: another rounding of the cosine transform; ours is",
  "  that of the Independent JPEG Group, as GDCM's is.",
  "- `JPEG2000-embedded-sequence-delimiter.dcm`: the bytes of a delimiter stand where its frame says how wide it is, so",
  "  nobody can decode it. Its DICOM header is whole: `scanlane inspect`, which decodes no pixels, lists the image.",
  "- Refused with `NoImage`: objects that carry no source image (segmentations, doses, reports, directories; a DICOM",
  "  SEG is read by `scanlane convert` all the same), and formats that are not read (MINC, MGZ, AFNI, PAR/REC).",
  "",
];

function section(title: string, rows: readonly ConformanceRow[]): string[] {
  return [`## ${title}`, "", ...table(rows), ""];
}

function table(rows: readonly ConformanceRow[]): string[] {
  if (rows.length === 0) return ["None."];
  return [
    "| Case | scanlane | Oracles |",
    "| --- | --- | --- |",
    ...rows.map((row) => `| \`${row.case}\` | ${ourCell(row)} | ${oracleCell(row)} |`),
  ];
}

function ourCell({ code, reason, object, sizes, warnings }: ConformanceRow): string {
  const read = sizes.length > 3 ? `${sizes.length} images, first ${sizes[0]}` : sizes.join(", ");
  return [
    code === null
      ? read
      : `refused: ${code}: ${object !== null && code === "NoImage" ? `no image but ${object}` : reason}`,
    ...warnings.map((warning) => `(${warning})`),
  ].join(" ");
}

function oracleCell({ oracles }: ConformanceRow): string {
  return Object.entries(oracles)
    .map(([name, record]) => `${name} ${measured(record)}`)
    .join("; ");
}

function measured({ images, unmatched = 0, voxels, corners }: OracleRecord): string {
  if (images === 0) return "-";
  const rest = unmatched > 0 ? ` (${unmatched} of ${images} unmatched)` : "";
  if (voxels === null || voxels === undefined) return `${images} images${rest}`;
  const distance = corners === null || corners === undefined ? "no place" : corners.toFixed(2);
  return `${Number(voxels.toPrecision(3))} / ${distance}${rest}`;
}

function agrees({ unmatched = 0, voxels, corners, scale = 0 }: OracleRecord): boolean {
  const same = Math.max(SAME_VALUE, SAME_OF_LARGEST * scale);
  return unmatched === 0 && (voxels ?? 0) <= same && (corners ?? 0) <= SAME_PLACE_MM;
}
