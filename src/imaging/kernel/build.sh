#!/bin/sh
# Writes src/imaging/kernel-wasm.ts, or the file that is named.
here=$(dirname "$0")
exec sh "$here/../../build-kernel.sh" "$here" build:spline "${1:-}" -Wl,--export=__heap_base -Wl,-z,stack-size=4096
