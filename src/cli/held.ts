import { printable } from "#src/core/printable.js";
import { heldScan, heldScans } from "#src/operate/held.js";
import type { ScanStore } from "#src/storage/scan-store.js";
import { loadCloud } from "./cloud.js";
import { EXIT } from "./exit-codes.js";
import { inPlace, scanIdOf, worstOf } from "./operator-flags.js";
import { table } from "./table.js";

/** Scans are held on AWS alone. */
interface OfBucket {
  readonly resultBucket: string;
}

interface HeldFlags extends OfBucket {
  /** Whether uploads are named too. */
  readonly names?: boolean;
  readonly json?: boolean;
}

interface ReleaseFlags extends OfBucket {
  /** URL of the intake queue. */
  readonly to: string;
}

/** `scanlane held list`: scans that wait for the runs of another day. @returns the exit code */
export async function listHeld(flags: HeldFlags): Promise<number> {
  return inPlace(flags, async () => {
    const rows: string[][] = [];
    for await (const { scanId, day, code, source } of heldScans(await resultsOf(flags))) {
      const keys = source.objects.map(({ key }) => key);
      if (flags.json)
        console.log(JSON.stringify({ scanId, day, code, files: keys.length, ...(flags.names && { keys }) }));
      else rows.push([scanId, day, String(keys.length), ...(flags.names ? [printable(keys[0] ?? "")] : [])]);
    }
    if (flags.json) return EXIT.ok;
    const head = ["scan", "day used up (UTC)", "files", ...(flags.names ? ["source"] : [])];
    if (rows.length > 0) console.log(table(head, rows));
    console.log(`${rows.length} held`);
    return EXIT.ok;
  });
}

/** `scanlane held release`: asks intake to start scans now. @returns the code of the worst of them */
export async function releaseScans(ids: readonly string[], flags: ReleaseFlags): Promise<number> {
  const scanIds = [...new Set(ids.map(scanIdOf))];
  return inPlace(flags, async () => {
    const results = await resultsOf(flags);
    const { releaseHeld } = await loadCloud(() => import("#functions/cli/release-held.js"));
    return worstOf(scanIds, flags, async (scanId) => {
      await heldScan(scanId, results);
      await releaseHeld(scanId, flags.to);
      console.log(`${scanId}: intake was asked to start it`);
      return EXIT.ok;
    });
  });
}

async function resultsOf({ resultBucket }: OfBucket): Promise<ScanStore> {
  return (await loadCloud(() => import("#functions/cli/deployment.js"))).cloudResults(resultBucket);
}
