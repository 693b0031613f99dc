import type { NetworkSession, OpenSession, SessionRequest } from "./network-session.js";

/**
 * Files of the networks that are kept loaded together. A session holds about three times its file and, from its first
 * run on, the tensors of one batch (measured: docs/models.md), which a limit on files can only keep small.
 */
const KEPT_BYTES = 2 ** 28;

interface Loaded {
  readonly session: NetworkSession;
  /** Length of the network's file. */
  readonly bytes: number;
}

/**
 * Keeps networks loaded, so that a process that serves many scans loads each once: those of one model, and beside them
 * those of the models that it asks or that were used before, as long as their files are within a limit together. What
 * was used longest ago is closed first, before the next network opens.
 */
export class SessionPool {
  readonly #open: OpenSession;
  readonly #keptBytes: number;
  /** By network, the one used longest ago first. */
  readonly #loaded = new Map<string, Loaded>();

  /**
   * @param keptBytes how large the files of the loaded networks may be together; networks that are asked for at once
   *   stay loaded at once, however large. @default 256 MiB
   */
  constructor(open: OpenSession, keptBytes: number = KEPT_BYTES) {
    this.#open = open;
    this.#keptBytes = keptBytes;
  }

  /** Sessions of a model's networks, in the order of the requests. Valid until the next call, which may close them. */
  async get(requests: readonly SessionRequest[]): Promise<readonly NetworkSession[]> {
    const wanted = new Set(requests.map(keyOf));
    const sessions: NetworkSession[] = [];
    for (const request of requests) sessions.push(await this.#one(request, wanted));
    return sessions;
  }

  async close(): Promise<void> {
    for (const key of [...this.#loaded.keys()]) await this.#closeOne(key);
  }

  async #one(request: SessionRequest, wanted: ReadonlySet<string>): Promise<NetworkSession> {
    const key = keyOf(request);
    const loaded = this.#loaded.get(key) ?? (await this.#load(request, wanted));
    // A map keeps the order in which keys came: what is used goes to the end.
    this.#loaded.delete(key);
    this.#loaded.set(key, loaded);
    return loaded.session;
  }

  async #load(request: SessionRequest, wanted: ReadonlySet<string>): Promise<Loaded> {
    let length = 0;
    const bytes = async () => {
      const file = await request.bytes();
      length = file.length;
      await this.#makeRoom(length, wanted);
      return file;
    };
    return { session: await this.#open({ ...request, bytes }), bytes: length };
  }

  /** Closes what is not wanted now, the one used longest ago first, until so many bytes more are within the limit. */
  async #makeRoom(bytes: number, wanted: ReadonlySet<string>): Promise<void> {
    let kept = bytes;
    for (const loaded of this.#loaded.values()) kept += loaded.bytes;
    for (const [key, loaded] of [...this.#loaded]) {
      if (kept <= this.#keptBytes) return;
      if (wanted.has(key)) continue;
      await this.#closeOne(key);
      kept -= loaded.bytes;
    }
  }

  async #closeOne(key: string): Promise<void> {
    const loaded = this.#loaded.get(key);
    this.#loaded.delete(key);
    await loaded?.session.close();
  }
}

/** A file may be opened under several names of its input and output, and for tensors of several shapes. */
function keyOf({ sha256, inputName, outputName, shape }: SessionRequest): string {
  return [sha256, inputName, outputName, shape?.join() ?? ""].join("\n");
}
