/** A tensor as the network sees it: dense, last axis fastest. */
export interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** What a network gives: it belongs to the caller. Logits, or features where there is a `head`. */
export interface Answer extends Tensor {
  /** Gives the memory of the data back at once; absent where that is left to the garbage collector. */
  readonly free?: () => void;
  readonly head?: Head;
}

/** A network's last convolution, of one voxel, which is run by itself on as many voxels as are wanted. */
export interface Head {
  readonly classes: number;
  /**
   * Logits of some voxels: the bytes do not hang on how many there are.
   *
   * @param features [N, features, (Z,) Y, X]
   * @returns [N, classes, (Z,) Y, X]
   */
  run(features: Tensor): Promise<Answer>;
}

/** A loaded network. `run` may be called again and again; `close` frees its memory. */
export interface NetworkSession {
  /** @throws {PipelineError} `InferenceFailed` when the runtime refuses the tensor or fails, `MemoryInsufficient` */
  run(input: Tensor): Promise<Answer>;
  /** Of each run, on a CPU. @default 1 */
  readonly threads?: number;
  /** Where runs of this network go beside each other; absent where only one can be under way. */
  readonly beside?: RunsBeside;
  /**
   * Opens now what the first of so many runs at once would wait for. Absent where there is nothing more to open.
   *
   * @throws {PipelineError} as `run`, of a network that cannot be opened
   */
  ready?(runs: number): Promise<void>;
  close(): Promise<void>;
}

/** The same network in several threads: the same bytes as by `run`, which holds up the calling thread. */
export interface RunsBeside {
  /** Runs that can be under way at once, at least 2. */
  readonly workers: number;
  /** Whether the threads are there, so that a run need not wait for their start. */
  isStarted(): boolean;
  /** @throws {PipelineError} as `NetworkSession.run` */
  run(input: Tensor): Promise<Answer>;
}

/** What a session is opened with. */
export interface SessionRequest {
  /** Reads the network; not called when it is already loaded. */
  readonly bytes: () => Promise<Uint8Array>;
  /** SHA-256 of the bytes: what a pool recognises a network by. */
  readonly sha256: string;
  readonly inputName: string;
  readonly outputName: string;
  /** Of the tensors that `run` will get, [N, C, (Z,) Y, X]; null where it is open. Missing where nothing is known. */
  readonly shape?: readonly (number | null)[];
  /** Whether features and a head are taken in place of a large answer. @default false */
  readonly takesFeatures?: boolean;
}

export type OpenSession = (request: SessionRequest) => Promise<NetworkSession>;
