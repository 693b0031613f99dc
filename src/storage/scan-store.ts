/** What a listing says of one object. */
export interface ObjectInfo {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** Half-open range of bytes: `[start, end)`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface PutOptions {
  /** Write only if no object has this key yet (conditional create). */
  readonly ifAbsent?: boolean;
  readonly contentType?: string;
}

/**
 * Where objects are kept: a bucket, a folder or memory. Keys are `/`-separated, never start with `/` and have no `.`
 * or `..` part. A reader sees an object whole or not at all, also after an interrupted write.
 *
 * Every method throws `PipelineError`: `StoreMissing` for a key that is not there, `StoreDenied`, `StoreBusy` for a failure that may
 * pass. A key that breaks the rules is a `RangeError`.
 */
export interface ScanStore {
  /**
   * Size of an object, or null when there is none.
   *
   * @param version which state of the object is meant (`SourceDocument`); a store that keeps no versions ignores it.
   *   Where that state is gone or was replaced there is no object
   */
  head(key: string, version?: string): Promise<ObjectInfo | null>;
  /** The object's bytes, or the part of them in `range` (cut at the object's end). `version` as in `head`. */
  get(key: string, range?: ByteRange, version?: string): Promise<Uint8Array>;
  /** Writes an object whole. Returns "exists" (and changes nothing) if `ifAbsent` and the key is taken. */
  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<"written" | "exists">;
  /** All objects whose key starts with `prefix`, in ascending order of their UTF-8 keys. */
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Removes an object; one that is not there is no error. */
  delete(key: string): Promise<void>;
}

/** A store of which objects can be removed for good. */
export interface ErasableStore extends ScanStore {
  /**
   * Removes all objects whose key starts with `prefix`, in every version that is kept, those of objects that were
   * deleted before too. Interrupted, it can be called again. Yields each key once its versions are gone.
   *
   * @throws {PipelineError} `StoreLocked` for an object that may not be removed yet
   */
  erase(prefix: string): AsyncIterable<string>;
}

/** The three places a scan passes through. Locally three folders, on AWS three buckets. */
export interface ScanStores {
  /** Where uploads land. Never written by the pipeline. */
  readonly source: ScanStore;
  /** Intermediate objects: `storage/keys.ts`, `workKeys`. */
  readonly work: ScanStore;
  /** What is published, and the quarantine records: `storage/keys.ts`, `resultKeys`. */
  readonly results: ScanStore;
  /**
   * What undoes a de-identification: `storage/keys.ts`, `deidKeys`. Never beside the results, under a key of its own,
   * for Publish alone. Absent where no place was made for it.
   */
  readonly deid?: ScanStore;
}

/**
 * @throws {RangeError} unless `key` is a relative path of non-empty parts without `.` and `..`
 */
export function assertKey(key: string): void {
  const bad = key.length === 0 || key.length > 1024 || key.includes("\0") || key.includes("\\");
  if (bad || key.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new RangeError("object key must be a relative path without empty, '.' or '..' parts");
  }
}
