import type { NetworkSession, OpenSession, SessionRequest } from "./network-session.js";

/**
 * Keeps the networks that were used last loaded, so that a process that serves many scans of one model loads them
 * once. One model's are enough: a process that alternates between models would otherwise hold all of them in memory.
 */
export class SessionPool {
  readonly #open: OpenSession;
  #current: { readonly key: string; readonly sessions: readonly NetworkSession[] } = { key: "", sessions: [] };

  constructor(open: OpenSession) {
    this.#open = open;
  }

  /** Sessions of a model's networks, in the order of the requests. */
  async get(requests: readonly SessionRequest[]): Promise<readonly NetworkSession[]> {
    const key = requests.map(({ sha256 }) => sha256).join();
    if (this.#current.key === key) return this.#current.sessions;
    await this.close();
    const sessions: NetworkSession[] = [];
    try {
      for (const request of requests) sessions.push(await this.#open(request));
    } catch (error) {
      for (const session of sessions) await session.close();
      throw error;
    }
    this.#current = { key, sessions };
    return sessions;
  }

  async close(): Promise<void> {
    const { sessions } = this.#current;
    this.#current = { key: "", sessions: [] };
    for (const session of sessions) await session.close();
  }
}
