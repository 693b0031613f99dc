import type { DataSet } from "dicom-parser";
import { textOf } from "./dicom-file.js";
import { type FrameHeader, GROUP, groupOf, itemsOf } from "./frame-header.js";
import { shownCode } from "./repeated-text.js";

/** Terms of Body Part Examined by the codes of regions, SNOMED CT and the older form (PS3.16 Annex L): those often seen. */
const TERMS: ReadonlyMap<string, string> = new Map([
  ...terms("HEAD", "69536005", "T-D1100"),
  ...terms("BRAIN", "12738006", "T-A0100"),
  ...terms("NECK", "45048000", "T-D1600"),
  ...terms("CHEST", "51185008", "T-D3000"),
  ...terms("HEART", "80891009", "T-32000"),
  ...terms("BREAST", "76752008", "T-04000"),
  ...terms("ABDOMEN", "818981001", "113345001", "T-D4000"),
  ...terms("PELVIS", "816092008", "12921003", "T-D6000"),
  ...terms("LIVER", "10200004", "T-62000"),
  ...terms("KIDNEY", "64033007", "T-71000"),
  ...terms("PROSTATE", "41216001", "T-92000"),
  ...terms("CSPINE", "122494005", "T-11501"),
  ...terms("TSPINE", "122495006", "T-11502"),
  ...terms("LSPINE", "122496007", "T-11503"),
  ...terms("SHOULDER", "16982005", "T-D2220"),
  ...terms("HIP", "24136001", "T-15710"),
  ...terms("KNEE", "72696002", "T-D9200"),
  ...terms("EYE", "81745001", "T-AA000"),
]);

const ANATOMIC_REGION = "x00082218";

/**
 * Which part of the body a frame shows, as Body Part Examined says it, in capitals; null where nothing does. Enhanced
 * objects say it by a code, of the frame or of all, and converted ones where they keep what single images said.
 */
export function bodyPartOf(header: FrameHeader): string | null {
  const stated = header.rootText("x00180015") ?? textOf(groupOf(header, GROUP.unassignedShared), "x00180015");
  if (stated !== null) return stated.toUpperCase();
  const anatomy = groupOf(header, GROUP.frameAnatomy);
  return (
    [anatomy, header.root, groupOf(header, GROUP.unassignedShared)].map(regionOf).find((part) => part !== null) ?? null
  );
}

/** The term of a coded region; where it has none, what the code is called. */
function regionOf(dataSet: DataSet): string | null {
  const [region] = itemsOf(dataSet, ANATOMIC_REGION);
  if (region === undefined) return null;
  const term = TERMS.get(textOf(region, "x00080100") ?? "");
  return term ?? shownCode(textOf(region, "x00080104"))?.toUpperCase() ?? null;
}

function terms(term: string, ...codes: readonly string[]): (readonly [string, string])[] {
  return codes.map((code) => [code, term]);
}
