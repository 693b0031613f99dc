import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";

/** A zip archive of the given files, in the given order. */
export async function zipOf(files: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Promise<Buffer> {
  const zip = new ZipFile();
  for (const { name, bytes } of files) zip.addBuffer(Buffer.from(bytes), name, { mtime: new Date(0) });
  zip.end();
  return buffer(zip.outputStream as NodeJS.ReadableStream);
}
