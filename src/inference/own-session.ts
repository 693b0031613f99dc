import type { RunGraph } from "./cpu-graph.js";
import type { Answer, Head, NetworkSession, Tensor } from "./network-session.js";

/** A file in which a session runs. */
export interface GraphFile {
  readonly bytes: Uint8Array;
  readonly inputName: string;
  readonly outputName: string;
}

type OpenHead = Head & Pick<NetworkSession, "close">;
type OpenFile = (file: GraphFile) => Promise<NetworkSession>;

/** A network in this thread, and its head, where it has one: each opened when it is first needed. */
export class OwnSession {
  readonly #graph: RunGraph;
  readonly #inputName: string;
  readonly #open: OpenFile;
  #network: Promise<NetworkSession> | null = null;
  #head: Promise<OpenHead> | null = null;

  constructor(graph: RunGraph, inputName: string, open: OpenFile) {
    this.#graph = graph;
    this.#inputName = inputName;
    this.#open = open;
  }

  /**
   * Opens both, for a caller that needs the files no more.
   *
   * @throws {PipelineError} `ModelInvalid` when a file is no network or has not the named input and output
   */
  async open(): Promise<NetworkSession> {
    const [network, head] = [await this.#openNetwork(), await this.#openHead()];
    return {
      run: async (input) => headed(await network.run(input), head),
      async close() {
        await network.close();
        await head?.close();
      },
    };
  }

  /** Opens now what `run` would open. @throws {PipelineError} as `open` */
  async ready(): Promise<void> {
    await this.#openNetwork();
    await this.#openHead();
  }

  /** Opens the head alone, for what other threads make. @throws {PipelineError} as `open` */
  async readyHead(): Promise<void> {
    await this.#openHead();
  }

  /** @throws {PipelineError} as `open`, and as a session's `run` */
  async run(input: Tensor): Promise<Answer> {
    return this.withHead(await (await this.#openNetwork()).run(input));
  }

  /** What another thread made of an input, with the head to it. @throws {PipelineError} as `open` */
  async withHead(answer: Answer): Promise<Answer> {
    return headed(answer, await this.#openHead());
  }

  /** Frees the network; the head stays, as it may be asked for what other threads made. */
  async closeNetwork(): Promise<void> {
    const open = this.#network;
    this.#network = null;
    await closed(open);
  }

  async close(): Promise<void> {
    await this.closeNetwork();
    const open = this.#head;
    this.#head = null;
    await closed(open);
  }

  #openNetwork(): Promise<NetworkSession> {
    const { bytes, outputName } = this.#graph;
    this.#network ??= this.#open({ bytes, outputName, inputName: this.#inputName });
    return this.#network;
  }

  async #openHead(): Promise<OpenHead | null> {
    const { head, outputName } = this.#graph;
    if (head === null) return null;
    const { bytes, classes } = head;
    this.#head ??= this.#open({ bytes, inputName: outputName, outputName: head.outputName }).then((session) => ({
      classes,
      run: session.run,
      close: session.close,
    }));
    return this.#head;
  }
}

function headed(answer: Answer, head: Head | null): Answer {
  return head === null ? answer : { ...answer, head };
}

/** One that did not open was refused to those who ran it. */
async function closed(open: Promise<Pick<NetworkSession, "close">> | null): Promise<void> {
  await (await open?.catch(() => null))?.close();
}
