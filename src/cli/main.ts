#!/usr/bin/env node
import { bundledProgram } from "#src/local/bundled-program.js";
import { useCompileCache } from "#src/local/compile-cache.js";
import { startEarly } from "#src/local/early-worker.js";

useCompileCache();

// What reads the command line is loaded as one file where that was made: a small scan waits for the start more than for
// its network.
startEarly(process.argv.slice(2));
const bundled = bundledProgram("command");
await (bundled === null ? import("./command.js") : import(bundled.href));
