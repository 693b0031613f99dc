/** Fields of a log line: ids, codes and numbers. Never a file's name or anything read from a header. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Where a stage reports. The message is constant; what varies goes into the fields. */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
}

/** A logger that says nothing. */
export const silentLogger: Logger = { info: () => {}, warn: () => {} };
