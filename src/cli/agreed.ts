import { createInterface } from "node:readline/promises";

/** Ctrl-C in place of an answer. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/**
 * Whether somebody at the terminal says yes; nobody does where there is no terminal.
 *
 * @throws {Interrupted} a terminal that waits for a line hands Ctrl-C over as a key, and the process gets no signal
 */
export async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      prompt.once("SIGINT", () => reject(new Interrupted("interrupted at a question")));
      // At the end of the input (Ctrl-D) no answer comes.
      prompt.once("close", () => resolve(""));
      prompt.question(`${question} [y/N] `).then(resolve, reject);
    });
    return /^y(es)?$/i.test(answer);
  } finally {
    prompt.close();
  }
}
