import { basename, resolve } from "node:path";
import { exitCodeOf } from "#src/core/errors.js";
import { localWorker } from "#src/local/local-worker.js";
import { assertFolder } from "./assert-folder.js";
import { EXIT } from "./exit-codes.js";
import { labelNames } from "./keep-labels.js";
import { noProgress, progressOn } from "./progress.js";
import type { RunFlags } from "./run-flags.js";
import { toldError } from "./told-error.js";
import { unpackedBytes } from "./unpacked-size.js";

/** Of a small upload, unpacked: the next one may set out while it is under way. */
const SMALL_BYTES = 16 * 2 ** 20;

/** An upload on its way. */
interface Underway {
  readonly scanId: string | null;
  readonly isSmall: boolean;
  /** Once the worker was asked to segment it, or it came to its end without. */
  readonly segmenting: Promise<unknown>;
  /** Its exit code, once what became of it was printed. */
  readonly code: Promise<number>;
}

interface LabelsFlag {
  /** Folder for a label map of each image, named after its upload. */
  readonly labelsTo?: string;
}

/** A promise, and what resolves it. */
function signalled(): [Promise<void>, () => void] {
  let tell = () => {};
  const promise = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return [promise, tell];
}

/**
 * `scanlane run`: uploads through the workflow, in their order, in processes that stay warm; of small ones the next is
 * segmented while this process publishes. Of several, one that fails does not stop the next, not even one that cannot be
 * taken in.
 *
 * @returns the exit code; of several uploads the highest
 */
export async function run(
  paths: readonly string[],
  flags: RunFlags & LabelsFlag,
  signal: AbortSignal,
): Promise<number> {
  const progress = flags.json ? noProgress : progressOn(process.stderr);
  const worker = localWorker(progress.logger, flags);
  // The worker loads its modules while this process loads its own: of a small scan, a tenth of the whole time.
  worker.start();
  try {
    const [{ takeIn }, { writtenTo }, { Admission }, { freeMemoryMiB }, { contextOf }, { runUpload }] =
      await Promise.all([
        import("#src/local/take-in.js"),
        import("#src/local/places.js"),
        import("#src/local/admission.js"),
        import("#src/local/run-scan.js"),
        import("./run-flags.js"),
        import("./run-upload.js"),
      ]);
    const { context: given, asked } = contextOf(flags, { worker, signal, progress });
    // Once for all: later the worker may hold memory that it gives back before the next scan needs it.
    const { memoryMiB = freeMemoryMiB() } = given;
    const context = { ...given, memoryMiB, admission: new Admission(memoryMiB) };
    const { results, work } = context.places;
    await assertFolder(results, "--out");
    await assertFolder(work, "--work");
    const labelsTo = flags.labelsTo === undefined ? null : resolve(flags.labelsTo);
    if (labelsTo !== null) await assertFolder(labelsTo, "--labels-to");
    const own = [...writtenTo(context.places), ...(labelsTo === null ? [] : [labelsTo])];
    const written = new Set<string>();
    const names = labelNames(paths.map((path) => resolve(path)));
    /** Takes an upload in and sets out with it, or, where they might need too much memory together, waits for the one before. */
    const begin = async (path: string, n: number, before: Underway | null): Promise<Underway> => {
      const turn = before?.code ?? Promise.resolve();
      try {
        let upload = await takeIn(resolve(path), asked, own);
        const isSmall = (await unpackedBytes(upload.root, upload.source.objects)) <= SMALL_BYTES;
        if (before !== null && (!isSmall || !before.isSmall || before.scanId === upload.source.scanId)) {
          upload.held?.letGo();
          await turn;
          // It may have been replaced meanwhile.
          upload = await takeIn(resolve(path), asked, own);
        }
        const { scanId } = upload.source;
        signal.throwIfAborted();
        const labels = labelsTo === null ? undefined : { folder: labelsTo, name: names[n] ?? basename(path), written };
        const [begun, onSegment] = signalled();
        const code = runUpload(upload, basename(resolve(path)), {
          ...context,
          turn,
          onSegment,
          ...(before !== null && { segmentAfter: before.segmenting }),
          ...(labels && { labels }),
        });
        code.then(onSegment, onSegment);
        return { scanId, isSmall, segmenting: begun, code: told(path, turn, code) };
      } catch (thrown) {
        const code = told(path, turn, Promise.reject(thrown));
        return { scanId: null, isSmall: true, segmenting: Promise.resolve(), code };
      }
    };
    const told = async (path: string, turn: Promise<unknown>, code: Promise<number>): Promise<number> => {
      try {
        return await code;
      } catch (thrown) {
        if (paths.length === 1 || signal.aborted) throw thrown;
        await turn;
        const error = toldError(thrown);
        console.error(`${path}: ${error.code}: ${error.message}`);
        // As many documents as uploads, in their order.
        if (context.json)
          console.log(JSON.stringify({ scanId: null, error: { code: error.code, message: error.message } }));
        return exitCodeOf(error.code);
      }
    };
    let highest: number = EXIT.ok;
    let underway: Underway | null = null;
    for (const [n, path] of paths.entries()) {
      const next = await begin(path, n, underway);
      // Whoever waits for it is told: not twice.
      next.code.catch(() => {});
      highest = Math.max(highest, (await underway?.code) ?? EXIT.ok);
      underway = next;
    }
    return Math.max(highest, (await underway?.code) ?? EXIT.ok);
  } finally {
    worker.close();
  }
}
