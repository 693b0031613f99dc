/** A tensor as the network sees it: dense, last axis fastest. */
export interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A loaded network. `run` may be called again and again; `close` frees its memory. */
export interface NetworkSession {
  /** @throws {PipelineError} `InferenceFailed` when the runtime refuses the tensor or fails */
  run(input: Tensor): Promise<Tensor>;
  close(): Promise<void>;
}

/** What a session is opened with. */
export interface SessionRequest {
  /** Reads the network; not called when it is already loaded. */
  readonly bytes: () => Promise<Uint8Array>;
  /** SHA-256 of the bytes: what a pool recognises a network by. */
  readonly sha256: string;
  readonly inputName: string;
  readonly outputName: string;
}

export type OpenSession = (request: SessionRequest) => Promise<NetworkSession>;
