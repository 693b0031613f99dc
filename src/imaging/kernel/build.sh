#!/bin/sh
# Compiles kernel.c to WebAssembly and writes it as src/imaging/kernel-wasm.ts. Needs Debian's clang and lld,
# version 14: another version gives other bytes, and the same results.
set -eu
cd "$(dirname "$0")"
out="${1:-../kernel-wasm.ts}"
wasm="$(mktemp)"
trap 'rm -f "$wasm"' EXIT
"${CLANG:-clang-14}" --target=wasm32 -std=c11 -O3 -msimd128 -mbulk-memory -ffreestanding -nostdlib -fvisibility=hidden \
  -Wall -Wl,--no-entry -Wl,--export-dynamic -Wl,--export=__heap_base -Wl,-z,stack-size=4096 -Wl,--strip-all \
  -o "$wasm" kernel.c
{
  echo "// Made by kernel/build.sh (npm run build:spline); do not edit."
  echo
  echo "/** SHA-256 of the source that the binary was compiled from. */"
  echo "export const KERNEL_SOURCE_SHA256 = \"$(sha256sum kernel.c | cut -d' ' -f1)\";"
  echo
  echo "/** kernel/kernel.c as WebAssembly, in base64. */"
  echo "export const KERNEL_WASM ="
  echo "  \"$(base64 -w0 "$wasm")\";"
} > "$out"
