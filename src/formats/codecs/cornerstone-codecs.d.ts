// The parts that are used of packages without types of their own (Emscripten modules).

interface CornerstoneFrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned?: boolean;
}

interface CornerstoneDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): CornerstoneFrameInfo;
  /** JPEG-LS alone: 0 none, 1 by line, 2 by sample. */
  getInterleaveMode?(): number;
  delete(): void;
}

interface CornerstoneOptions {
  readonly print: (text: string) => void;
  readonly printErr: (text: string) => void;
}

declare module "@cornerstonejs/codec-openjpeg/decodewasmjs" {
  const load: (options: CornerstoneOptions) => Promise<{ J2KDecoder: new () => CornerstoneDecoder }>;
  export = load;
}

declare module "@cornerstonejs/codec-charls/decodewasmjs" {
  const load: (options: CornerstoneOptions) => Promise<{ JpegLSDecoder: new () => CornerstoneDecoder }>;
  export = load;
}

declare module "@cornerstonejs/codec-openjph/wasmjs" {
  const load: (options: CornerstoneOptions) => Promise<{ HTJ2KDecoder: new () => CornerstoneDecoder }>;
  export = load;
}
