import type { Evidence } from "#src/workflow/contract.js";
import { gapInSeries, type SlicePlace } from "./slice-gaps.js";

/** One SOP instance of a series, as far as completeness needs it. */
export interface JudgedInstance {
  /** Where its slice lies; null for several frames, and without a place in the patient. */
  readonly place: SlicePlace | null;
  /** How many instances its header says there are. */
  readonly declared: DeclaredCount | null;
}

/** The same with what the list of the series' objects needs. */
export interface SeriesInstance extends JudgedInstance {
  /** SOP Instance UID; of a file that has lost it, the file's digest. */
  readonly uid: string;
  readonly sha256: string;
  readonly object: { readonly key: string; readonly version: string; readonly size: number };
  /** Sorts the states of an instance by when they were uploaded; the last one counts. */
  readonly order: string;
  /** When it was seen first, in milliseconds of the ledger's clock. */
  readonly seenAt: number;
}

/** A count in a header, and of what: the series, or one concatenation of it. */
export interface DeclaredCount {
  readonly scope: string;
  readonly count: number;
}

/** What the folder says that the files lie in. */
export interface FolderFacts {
  /** The number of files that its `scan.json` promises. */
  readonly promised: number | null;
  /** Whether its closing marker is there. */
  readonly isClosed: boolean;
  /** Files in the folder, and how many of them the ledger knows. Asked only of a folder that promises or is closed. */
  readonly files: number;
  readonly known: number;
}

/** How long is waited. */
export interface CompletenessRules {
  /** Without better evidence: as long as this after the last instance. */
  readonly quietSeconds: number;
  /** For what is known to be missing: as long as this after the last instance. At least `quietSeconds`. */
  readonly maxWaitSeconds: number;
}

/** When a series is judged, in milliseconds of one clock. */
export interface JudgedAt {
  readonly now: number;
  /** When the last instance was seen. */
  readonly lastSeen: number;
  /**
   * Whether a run of fewer or other instances was made: what comes late is gathered for a quiet period first, whatever
   * the evidence.
   */
  readonly isLate: boolean;
}

/** What is to be thought of a series at one moment. Times are milliseconds of the ledger's clock. */
export type Judgement =
  | { readonly kind: "complete"; readonly evidence: Exclude<Evidence, "none"> }
  /** `outcome` is what it comes to at that time if nothing comes any more. */
  | { readonly kind: "wait"; readonly until: number; readonly outcome: "complete" | "incomplete" }
  | { readonly kind: "incomplete"; readonly reason: string };

/**
 * Whether a series is complete, by evidence. The first that holds counts: the count of `scan.json` is reached; the
 * closing marker is there and every file of the folder is known; every instance says how many there are, and so many
 * are there; nothing came for the quiet period.
 *
 * A promise of `scan.json` that is not kept, and a gap between the slices, each stand against all evidence: the series
 * waits up to the maximum and is incomplete then.
 */
export function judgeSeries(
  instances: readonly JudgedInstance[],
  folder: FolderFacts,
  rules: CompletenessRules,
  { now, lastSeen, isLate }: JudgedAt,
): Judgement {
  const quietAt = lastSeen + rules.quietSeconds * 1000;
  const limitAt = lastSeen + Math.max(rules.quietSeconds, rules.maxWaitSeconds) * 1000;
  const against = shortfall(folder) ?? gapInSeries(instances.flatMap(({ place }) => place ?? []));
  if (against !== null) {
    if (now >= limitAt) return { kind: "incomplete", reason: against };
    return { kind: "wait", until: limitAt, outcome: "incomplete" };
  }
  const evidence = evidenceFor(instances, folder) ?? (now < quietAt ? null : "quiet-period");
  if (evidence === null || (isLate && now < quietAt)) {
    return { kind: "wait", until: quietAt, outcome: "complete" };
  }
  return { kind: "complete", evidence };
}

function evidenceFor(
  instances: readonly JudgedInstance[],
  { promised, isClosed, files, known }: FolderFacts,
): Exclude<Evidence, "none" | "quiet-period"> | null {
  if (promised !== null) return "manifest-count";
  if (isClosed && known >= files) return "closing-marker";
  return areAllDeclared(instances) ? "header-count" : null;
}

/** A promise not kept yet. A file counts once the ledger knows it: its event may still be on the way. */
function shortfall({ promised, known }: FolderFacts): string | null {
  if (promised === null || known >= promised) return null;
  return `folder holds ${known} of the ${promised} files that its scan.json promises`;
}

/** Every instance declares a count, and each scope holds as many as the largest that was declared for it. */
function areAllDeclared(instances: readonly JudgedInstance[]): boolean {
  const scopes = new Map<string, { there: number; declared: number }>();
  for (const { declared } of instances) {
    if (declared === null) return false;
    const scope = scopes.get(declared.scope);
    scopes.set(declared.scope, {
      there: (scope?.there ?? 0) + 1,
      declared: Math.max(scope?.declared ?? 0, declared.count),
    });
  }
  return scopes.size > 0 && [...scopes.values()].every(({ there, declared }) => there >= declared);
}
