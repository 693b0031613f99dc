import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { environmentOf } from "../support/aws-environment.js";
import { freePort } from "../support/free-port.js";

const works = (command: string, args: readonly string[]) => spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Whether this machine has what the account is made of: moto with CloudFormation and Step Functions, and the AWS CLI. */
export const hasAccount =
  works("python3", ["-c", "import moto, flask, cfnlint, antlr4, jsonpath_ng"]) && works("aws", ["--version"]);

/** An emulated AWS account. */
export interface Account {
  readonly endpoint: string;
  /** What every client of the account has in its environment: its own commands, functions and jobs. */
  readonly environment: Record<string, string>;
  close(): void;
}

/** @param compute address of what runs functions and jobs */
export async function startAccount(compute: string): Promise<Account> {
  const port = await freePort();
  const script = fileURLToPath(new URL("emulator.py", import.meta.url));
  const endpoint = `http://localhost:${port}`;
  const environment = environmentOf(endpoint);
  const server: ChildProcess = spawn("python3", [script, String(port), compute], {
    stdio: "ignore",
    env: { ...process.env, ...environment },
  });
  for (let tries = 0; tries < 300; tries++) {
    const answered = await fetch(`${endpoint}/moto-api/`).then(
      () => true,
      () => false,
    );
    if (answered) return { endpoint, environment, close: () => server.kill() };
    await sleep(100);
  }
  server.kill();
  throw new Error("the emulated account did not answer within 30 s");
}

/** Runs the AWS CLI in an account. @throws {Error} with what it says where it fails */
export function awsCli(account: Account, ...args: string[]): string {
  const child = spawnSync("aws", args, {
    env: { ...process.env, ...account.environment },
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (child.status !== 0) throw new Error(`aws ${args[0]} ${args[1]}: ${child.stderr}`);
  return child.stdout;
}
