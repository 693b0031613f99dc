import type { Logger } from "#src/core/logger.js";
import type { StateEvent } from "#src/local/run-scan.js";

/** What a command shows while it works. All of it goes to stderr: stdout carries the result. */
export interface Progress {
  readonly logger: Logger;
  onState(event: StateEvent): void;
  line(text: string): void;
  /** Takes away what is rewritten: something else is printed. */
  clear(): void;
}

/** Seconds between two lines of one stage where lines are not rewritten. */
const SECONDS_APART = 30;

/** A line that is rewritten on a terminal, plain lines elsewhere, of a long stage a few. */
export function progressOn(
  stream: Pick<NodeJS.WriteStream, "isTTY" | "write">,
  now = () => performance.now(),
): Progress {
  const live = stream.isTTY === true;
  let open = false;
  let told = now();
  const clear = () => {
    if (open) stream.write("\r\u001b[K");
    open = false;
  };
  const line = (text: string) => {
    clear();
    stream.write(`${text}\n`);
  };
  return {
    line,
    clear,
    onState({ state, phase, seconds }) {
      if (phase === "start") {
        told = now();
        if (!live) return;
        clear();
        stream.write(`  ${state} …`);
        open = true;
      } else {
        line(`  ${state.padEnd(14)} ${phase === "end" ? `${seconds.toFixed(2)} s` : "failed"}`);
      }
    },
    logger: {
      info(message, fields) {
        if (message !== "tiles") return;
        const text = `  Segment …  ${fields?.done} of ${fields?.of} tiles${timeLeft(fields?.secondsLeft)}`;
        if (!live) {
          if (now() - told < SECONDS_APART * 1000) return;
          told = now();
          line(text);
          return;
        }
        clear();
        stream.write(text);
        open = true;
      },
      warn: () => {},
    },
  };
}

/** The same from a moment on, when all that came before is shown. */
export function progressFrom(turn: Promise<unknown>, { logger, onState, line, clear }: Progress): Progress {
  const later =
    <T extends unknown[]>(show: (...what: T) => void) =>
    (...what: T): void =>
      void turn.then(
        () => show(...what),
        () => {},
      );
  return {
    line: later(line),
    clear: later(clear),
    onState: later(onState),
    logger: { info: later(logger.info), warn: later(logger.warn) },
  };
}

function timeLeft(seconds: unknown): string {
  return typeof seconds === "number" && seconds >= 1 ? `, about ${Math.round(seconds)} s left` : "";
}

/** Shows nothing. */
export const noProgress: Progress = {
  line: () => {},
  clear: () => {},
  onState: () => {},
  logger: { info: () => {}, warn: () => {} },
};
