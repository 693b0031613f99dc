import type { NetworkSession, OpenSession, SessionRequest } from "./network-session.js";

/**
 * Keeps the network that was used last loaded, so that a process that serves many scans of one model loads it once.
 * One is enough: a process that alternates between models would otherwise hold all of them in memory.
 */
export class SessionPool {
  readonly #open: OpenSession;
  #current: { readonly sha256: string; readonly session: NetworkSession } | null = null;

  constructor(open: OpenSession) {
    this.#open = open;
  }

  async get(request: SessionRequest): Promise<NetworkSession> {
    if (this.#current?.sha256 === request.sha256) return this.#current.session;
    await this.close();
    const session = await this.#open(request);
    this.#current = { sha256: request.sha256, session };
    return session;
  }

  async close(): Promise<void> {
    const last = this.#current;
    this.#current = null;
    await last?.session.close();
  }
}
