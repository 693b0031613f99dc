#!/bin/sh
# Compiles a room's kernel/kernel.c to WebAssembly and writes it as kernel-wasm.ts beside that folder. Needs Debian's
# clang and lld, version 14: another version gives other bytes, and the same results.
# sh src/build-kernel.sh <kernel's folder> <name of its npm script> <file to write, or ""> [flags of the compiler]
set -eu
cd "$1"
script=$2
out="${3:-../kernel-wasm.ts}"
shift 3
wasm="$(mktemp)"
trap 'rm -f "$wasm"' EXIT
"${CLANG:-clang-14}" --target=wasm32 -std=c11 -O3 -msimd128 -mbulk-memory -ffreestanding -nostdlib -fvisibility=hidden \
  -Wall -Wl,--no-entry -Wl,--export-dynamic -Wl,--strip-all "$@" -o "$wasm" kernel.c
{
  echo "// Made by kernel/build.sh (npm run $script); do not edit."
  echo
  echo "/** SHA-256 of the source that the binary was compiled from. */"
  echo "export const KERNEL_SOURCE_SHA256 = \"$(sha256sum kernel.c | cut -d' ' -f1)\";"
  echo
  echo "/** kernel/kernel.c as WebAssembly, in base64. */"
  echo "export const KERNEL_WASM ="
  echo "  \"$(base64 -w0 "$wasm")\";"
} > "$out"
