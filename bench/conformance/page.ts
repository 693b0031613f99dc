import type { ConformanceCase } from "./cases.js";
import type { OurReading } from "./conformance.js";

/** How one oracle's images of a case differ from ours. */
export interface OracleRecord {
  readonly images: number;
  /** Images of the oracle for which we have none of the same size. */
  readonly unmatched?: number;
  /** Largest difference of a voxel; null where nothing could be compared. */
  readonly voxels?: number | null;
  /** Largest distance of a corner in millimetres; null where one side has no place. */
  readonly corners?: number | null;
  /** Why the oracle gave nothing. */
  readonly note?: string;
}

export type ConformanceRow = ConformanceCase &
  OurReading & { readonly oracles: Readonly<Record<string, OracleRecord>> };

const SAME = { voxels: 1e-3, corners: 0.005 };

/** The table of all cases as Markdown, what is not at the goal first. */
export function conformancePage(rows: readonly ConformanceRow[]): string {
  const isOpen = (row: ConformanceRow) => row.code === null && Object.values(row.oracles).some((one) => !agrees(one));
  const refused = rows.filter((row) => row.code !== null);
  const differing = rows.filter(isOpen);
  const same = rows.filter((row) => row.code === null && !isOpen(row));
  return [
    "# Conformance: every file beside the oracles",
    "",
    "Made by `npm run conformance -- <data folder>`. A row is one file, or the folder of a series. For each oracle:",
    "largest voxel difference / largest distance of corresponding corners in millimetres, over all images that it read;",
    "`-` where it read nothing. Values are compared as float32 after rescaling; colours as luminance (ITU-R BT.601).",
    "",
    `${rows.length} cases: ${same.length} read and equal to every oracle that reads them, ${differing.length} read and`,
    `different from at least one, ${refused.length} refused.`,
    "",
    "## Read, and different from an oracle",
    "",
    ...table(differing),
    "",
    "## Refused",
    "",
    ...table(refused),
    "",
    "## Read, equal to every oracle",
    "",
    ...table(same),
    "",
  ].join("\n");
}

function table(rows: readonly ConformanceRow[]): string[] {
  if (rows.length === 0) return ["None."];
  return [
    "| Case | scanlane | Oracles |",
    "| --- | --- | --- |",
    ...rows.map((row) => `| \`${row.case}\` | ${ourCell(row)} | ${oracleCell(row)} |`),
  ];
}

function ourCell({ code, sizes, warnings }: ConformanceRow): string {
  const read = sizes.length > 3 ? `${sizes.length} images, first ${sizes[0]}` : sizes.join(", ");
  return [code === null ? read : `refused: ${code}`, ...warnings.map((warning) => `(${warning})`)].join(" ");
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

function agrees({ images, unmatched = 0, voxels, corners }: OracleRecord): boolean {
  return images === 0 || (unmatched === 0 && (voxels ?? 0) <= SAME.voxels && (corners ?? 0) <= SAME.corners);
}
