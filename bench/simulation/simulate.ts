import { randomFrom } from "#src/evaluate/random.js";

/** Seconds of the stages of one real scan. */
export interface StageTimes {
  readonly preprocess: number;
  readonly segment: number;
  readonly postprocess: number;
  readonly publish: number;
}

export type Share = "stat" | "bulk";

/** A scan that comes at a time, in seconds from the start. */
export interface Arrival {
  readonly at: number;
  readonly share: Share;
}

export interface Setting {
  readonly seed: number;
  readonly measured: readonly StageTimes[];
  /** Instances at most; one job fills one. */
  readonly instances: number;
  /** Smaller is more, as in AWS Batch. */
  readonly weights: Readonly<Record<Share, number>>;
  readonly shareDecaySeconds: number;
  /** Percent: of the instances, this share to the power of the number of active shares is kept for one that is not. */
  readonly computeReservation: number;
  /** From the first job without an instance until it runs there. */
  readonly startSeconds: number;
  /** What each job takes besides its stage: its container and its model are loaded. */
  readonly jobSeconds: number;
  /** How long an instance stays that has nothing to do. */
  readonly idleSeconds: number;
  /** Reclaims of one instance an hour. */
  readonly reclaimsAnHour: number;
  /** Tries of a job. */
  readonly attempts: number;
  /** Scans of the bulk share that are under way at once. */
  readonly bulkConcurrency: number;
  /** "fifo": one queue without shares, to compare with. */
  readonly order: "fair" | "fifo";
}

export interface Outcome {
  /** Seconds from arrival to result, sorted, of the scans that were published. A bulk scan arrives when it is started. */
  readonly latency: Readonly<Record<Share, Float64Array>>;
  /** Bulk scans done in the hours that began with each multiple of 3600 s. */
  readonly bulkByHour: readonly number[];
  readonly lost: number;
  readonly reclaimed: number;
  readonly instanceSeconds: number;
  readonly busySeconds: number;
  readonly lambdaSeconds: number;
  readonly endSeconds: number;
  readonly mostQueued: number;
}

interface Job {
  readonly share: Share;
  readonly arrived: number;
  readonly times: StageTimes;
  readonly stage: "segment" | "postprocess";
  tries: number;
  submitted: number;
}

type Event =
  | { readonly kind: "arrive"; readonly share: Share }
  | { readonly kind: "submit"; readonly job: Job }
  | { readonly kind: "end"; readonly job: Job; readonly slot: number; readonly isReclaimed: boolean }
  | { readonly kind: "done"; readonly job: Job };

/**
 * A discrete-event simulation of the queue that STAT and bulk share. Functions do not wait (their quota is checked
 * elsewhere); jobs wait for one of a number of instances, which start when they are needed and go when they are idle.
 * Which share is served next follows the fair-share rule of AWS Batch: least use, decayed and weighted, first.
 */
export function simulate(arrivals: readonly Arrival[], setting: Setting): Outcome {
  const random = randomFrom(setting.seed);
  const events = new EventQueue();
  const latency: Record<Share, number[]> = { stat: [], bulk: [] };
  const queues: Record<Share, Fifo> = { stat: new Fifo(), bulk: new Fifo() };
  const use: Record<Share, number> = { stat: 0, bulk: 0 };
  const running: Record<Share, number> = { stat: 0, bulk: 0 };
  /** Of each instance: since when it is idle; null while a job runs there or it was never started. */
  const idleSince: (number | null)[] = new Array(setting.instances).fill(null);
  const isBusy: boolean[] = new Array(setting.instances).fill(false);
  const bulkByHour: number[] = [];
  let [usedAt, lost, reclaimed, instanceSeconds, busySeconds, lambdaSeconds, mostQueued, now] = [
    0, 0, 0, 0, 0, 0, 0, 0,
  ];
  let bulkUnderWay = 0;
  let bulkWaiting = 0;
  const bulk = arrivals.filter(({ share }) => share === "bulk").length;
  let bulkLeft = bulk;

  for (const { at, share } of arrivals) events.push(at, { kind: "arrive", share });

  const decay = () => {
    const factor = setting.shareDecaySeconds > 0 ? 0.5 ** ((now - usedAt) / setting.shareDecaySeconds) : 1;
    use.stat *= factor;
    use.bulk *= factor;
    usedAt = now;
  };
  const begin = (share: Share) => {
    const times = setting.measured[Math.floor(random() * setting.measured.length)];
    if (times === undefined) throw new RangeError("nothing was measured");
    lambdaSeconds += times.preprocess + times.publish;
    events.push(now + times.preprocess, {
      kind: "submit",
      job: { share, arrived: now, times, stage: "segment", tries: 0, submitted: 0 },
    });
  };
  const beginBulk = () => {
    while (bulkWaiting > 0 && bulkUnderWay < setting.bulkConcurrency) {
      bulkWaiting--;
      bulkUnderWay++;
      begin("bulk");
    }
  };
  const endBulk = (share: Share) => {
    if (share === "bulk") {
      bulkUnderWay--;
      bulkLeft--;
      beginBulk();
    }
  };
  /** The share that may have the next free instance. */
  const nextShare = (): Share | null => {
    const active = (["stat", "bulk"] as const).filter((share) => queues[share].length + running[share] > 0);
    const busy = running.stat + running.bulk;
    const kept =
      setting.order === "fifo" || active.length === 2
        ? 0
        : setting.instances * (setting.computeReservation / 100) ** active.length;
    if (busy >= setting.instances - Math.ceil(kept)) return null;
    decay();
    const waiting = active.filter((share) => queues[share].length > 0);
    if (setting.order === "fifo") {
      return waiting.sort((a, b) => queues[a].frontSubmitted - queues[b].frontSubmitted)[0] ?? null;
    }
    return waiting.sort((a, b) => use[a] * setting.weights[a] - use[b] * setting.weights[b])[0] ?? null;
  };
  const schedule = () => {
    mostQueued = Math.max(mostQueued, queues.stat.length + queues.bulk.length);
    for (let share = nextShare(); share !== null; share = nextShare()) {
      const job = queues[share].shift();
      const slot = freeSlot();
      const since = idleSince[slot] ?? null;
      const isWarm = since !== null && now - since <= setting.idleSeconds;
      // An instance that went for want of work was paid until it went.
      if (since !== null) instanceSeconds += Math.min(now - since, setting.idleSeconds);
      const begins = now + (isWarm ? 0 : setting.startSeconds);
      const seconds = job.times[job.stage] + setting.jobSeconds;
      const untilReclaim =
        setting.reclaimsAnHour > 0 ? (-Math.log(1 - random()) * 3600) / setting.reclaimsAnHour : Infinity;
      const isReclaimed = untilReclaim < seconds;
      const ends = begins + Math.min(seconds, untilReclaim);
      isBusy[slot] = true;
      idleSince[slot] = null;
      running[share]++;
      use[share] += ends - begins;
      busySeconds += ends - begins;
      instanceSeconds += ends - now;
      events.push(ends, { kind: "end", job, slot, isReclaimed });
    }
  };
  /** A warm one if there is one: the one that was used last. */
  const freeSlot = (): number => {
    let best = -1;
    for (let slot = 0; slot < setting.instances; slot++) {
      if (isBusy[slot]) continue;
      if (best < 0 || (idleSince[slot] ?? -1) > (idleSince[best] ?? -1)) best = slot;
    }
    return best;
  };

  for (let event = events.shift(); event !== null; event = events.shift()) {
    now = event.at;
    const { body } = event;
    switch (body.kind) {
      case "arrive":
        if (body.share === "bulk") {
          bulkWaiting++;
          beginBulk();
        } else begin("stat");
        break;
      case "submit":
        body.job.submitted = now;
        queues[body.job.share].push(body.job);
        schedule();
        break;
      case "end": {
        const { job, slot, isReclaimed } = body;
        isBusy[slot] = false;
        idleSince[slot] = isReclaimed ? null : now;
        running[job.share]--;
        if (isReclaimed) {
          reclaimed++;
          job.tries++;
          job.submitted = now;
          if (job.tries < setting.attempts) queues[job.share].push(job);
          else {
            lost++;
            endBulk(job.share);
          }
        } else if (job.stage === "segment") {
          queues[job.share].push({ ...job, stage: "postprocess", tries: 0, submitted: now });
        } else events.push(now + job.times.publish, { kind: "done", job });
        schedule();
        break;
      }
      case "done": {
        const { share, arrived } = body.job;
        latency[share].push(now - arrived);
        if (share === "bulk") {
          const hour = Math.floor(now / 3600);
          bulkByHour[hour] = (bulkByHour[hour] ?? 0) + 1;
        }
        endBulk(share);
      }
    }
    // What comes after a backfill says nothing of it.
    if (bulk > 0 && bulkLeft === 0) break;
  }
  for (const since of idleSince) if (since !== null) instanceSeconds += setting.idleSeconds;
  const sorted = (values: readonly number[]) => Float64Array.from(values).sort();
  return {
    latency: { stat: sorted(latency.stat), bulk: sorted(latency.bulk) },
    bulkByHour: Array.from(bulkByHour, (count) => count ?? 0),
    ...{ lost, reclaimed, instanceSeconds, busySeconds, lambdaSeconds, mostQueued },
    endSeconds: now,
  };
}

/** A queue whose front moves: taking from it costs nothing, however long it is. */
class Fifo {
  #jobs: Job[] = [];
  #front = 0;

  get length(): number {
    return this.#jobs.length - this.#front;
  }

  /** When its first job was submitted. */
  get frontSubmitted(): number {
    return this.#jobs[this.#front]?.submitted ?? Number.POSITIVE_INFINITY;
  }

  push(job: Job): void {
    this.#jobs.push(job);
  }

  shift(): Job {
    const job = this.#jobs[this.#front++];
    if (job === undefined) throw new RangeError("queue is empty");
    if (this.#front > 10_000) {
      this.#jobs = this.#jobs.slice(this.#front);
      this.#front = 0;
    }
    return job;
  }
}

interface Timed {
  readonly at: number;
  readonly order: number;
  readonly body: Event;
}

/** A binary heap by time; of the same time, first in first out. */
class EventQueue {
  readonly #heap: Timed[] = [];
  #count = 0;

  push(at: number, body: Event): void {
    const heap = this.#heap;
    const item = { at, order: this.#count++, body };
    let n = heap.push(item) - 1;
    while (n > 0) {
      const parent = (n - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(item, above)) break;
      heap[n] = above;
      n = parent;
    }
    heap[n] = item;
  }

  shift(): Timed | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    let n = 0;
    while (heap.length > 0) {
      const left = heap[2 * n + 1];
      const right = heap[2 * n + 2];
      const smaller = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (smaller === undefined || !isBefore(smaller, last)) break;
      heap[n] = smaller;
      n = smaller === right ? 2 * n + 2 : 2 * n + 1;
    }
    if (heap.length > 0) heap[n] = last;
    return first;
  }
}

function isBefore(a: Timed, b: Timed): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
