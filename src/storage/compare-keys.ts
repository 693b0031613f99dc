/** Order of keys by their UTF-8 bytes, as S3 lists them. (JavaScript's own order of UTF-16 differs for rare signs.) */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
