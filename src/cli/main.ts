#!/usr/bin/env node
import { bundledProgram } from "#src/local/bundled-program.js";

// What reads the command line is loaded as one file where that was made: a small scan waits for the start more than for
// its network.
const bundled = bundledProgram("command");
await (bundled === null ? import("./command.js") : import(bundled.href));
