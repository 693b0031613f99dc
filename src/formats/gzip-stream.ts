import { createGzip, type Gzip } from "node:zlib";
import { withoutOrigin } from "./nifti-write.js";

/** Of what is packed, put together at a time. */
const PIECE_BYTES = 2 ** 18;

/**
 * `gzipDeterministic` of bytes that come part by part, packed on another thread while the caller goes on: the same bytes
 * as in one piece, whatever the parts are.
 */
export class GzipStream {
  readonly #gzip: Gzip;
  readonly #packed: Uint8Array[] = [];
  readonly #ended: Promise<void>;

  constructor(level: 1 | 2 | 3 | 4 | 5 | 6 = 1) {
    this.#gzip = createGzip({ level, chunkSize: PIECE_BYTES });
    this.#gzip.on("data", (piece: Uint8Array) => this.#packed.push(piece));
    this.#ended = new Promise((resolve, reject) => this.#gzip.once("end", resolve).once("error", reject));
    // Whoever waits for the end is told.
    this.#ended.catch(() => {});
  }

  /** @param bytes must stay as they are until `finish` is done */
  add(bytes: Uint8Array): void {
    this.#gzip.write(bytes);
  }

  /** The whole file. */
  async finish(): Promise<Uint8Array> {
    this.#gzip.end();
    await this.#ended;
    return withoutOrigin(Buffer.concat(this.#packed));
  }

  /** Of a file that nobody wants any more. */
  close(): void {
    this.#gzip.destroy();
  }
}
