import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { environmentOf } from "./aws-environment.js";
import { freePort } from "./free-port.js";

/** Whether this machine has moto, an S3 server (and more) in Python. */
export const hasMoto = spawnSync("moto_server", ["--help"], { stdio: "ignore" }).status === 0;

/** A moto server on a port of its own. */
export interface MotoServer {
  readonly endpoint: string;
  /** What points AWS clients and commands at it. */
  readonly environment: Readonly<Record<string, string>>;
  close(): void;
}

export async function startMoto(): Promise<MotoServer> {
  const port = await freePort();
  const server: ChildProcess = spawn("moto_server", ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const endpoint = `http://localhost:${port}`;
  for (let tries = 0; tries < 150; tries++) {
    const answered = await fetch(`${endpoint}/moto-api/`).then(
      () => true,
      () => false,
    );
    if (answered) return { endpoint, environment: environmentOf(endpoint), close: () => server.kill() };
    await sleep(100);
  }
  server.kill();
  throw new Error("moto_server did not answer within 15 s");
}
