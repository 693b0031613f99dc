import type { ScanId } from "#src/core/ids.js";

/** Name of a scan's execution: the scan id, with `-a<N>` behind it from the second attempt on. */
export function executionName(scanId: ScanId, attempt: number): string {
  return attempt === 1 ? scanId : `${scanId}-a${attempt}`;
}

/** The scan and the attempt that an execution's name tells; null for any other text. */
export function parseExecutionName(name: string): { readonly scanId: ScanId; readonly attempt: number | null } | null {
  const [, scanId, attempt] = /^(s-[0-9a-f]{40})(?:-a(\d{1,3}))?$/.exec(name) ?? [];
  return scanId === undefined ? null : { scanId, attempt: attempt === undefined ? null : Number(attempt) };
}
