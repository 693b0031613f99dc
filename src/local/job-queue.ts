import { STAGES, type Stage } from "#src/storage/keys.js";

/** So long the workflow may take to ask for the next stage of a scan; a job that waits begins that much later. */
const MOMENT_MS = 20;

/**
 * Runs one job after another: of those that wait, the first whose stage comes last in the workflow. So a scan that is
 * nearly done leaves at once, and is published while the next is segmented.
 *
 * @returns adds a job; resolves and rejects as it does
 */
export function jobQueue<Job extends { readonly stage: Stage }, Answer>(
  run: (job: Job) => Promise<Answer>,
): (job: Job) => Promise<Answer> {
  const waiting: { readonly job: Job; readonly begin: () => Promise<void> }[] = [];
  let isBusy = false;
  async function workOff(): Promise<void> {
    isBusy = true;
    while (waiting.length > 0) {
      const furthest = Math.max(...waiting.map(({ job }) => STAGES.indexOf(job.stage)));
      const at = waiting.findIndex(({ job }) => STAGES.indexOf(job.stage) === furthest);
      for (const { begin } of waiting.splice(at, 1)) await begin();
      if (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, MOMENT_MS));
    }
    isBusy = false;
  }
  return (job) =>
    new Promise((resolve, reject) => {
      waiting.push({ job, begin: () => run(job).then(resolve, reject) });
      if (!isBusy) void workOff();
    });
}
