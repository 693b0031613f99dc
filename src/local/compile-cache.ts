import module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Node.js 22 and later keep what they compiled of a program for its next start, where the user did not forbid it
// (NODE_DISABLE_COMPILE_CACHE). Earlier ones have none of this.

/** Lets Node.js take what is loaded from now on from its cache, and write it there as the process ends. */
export function useCompileCache(): void {
  module.enableCompileCache?.();
}

/** What a child process needs in its environment to do so from its first module on. */
export function compileCacheOf(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, NODE_COMPILE_CACHE: env.NODE_COMPILE_CACHE ?? join(tmpdir(), "node-compile-cache") };
}

/** Writes now what was compiled: of a process that will be killed. */
export function keepCompiled(): void {
  module.flushCompileCache?.();
}
