#!/bin/sh
# Writes src/refine/crf/kernel-wasm.ts, or the file that is named. Threads share the memory of this one.
here=$(dirname "$0")
exec sh "$here/../../../build-kernel.sh" "$here" build:crf "${1:-}" -matomics -mmutable-globals -Wno-int-conversion \
  -Wl,--import-memory -Wl,--shared-memory -Wl,--max-memory=4294967296 -Wl,--export=__stack_pointer
