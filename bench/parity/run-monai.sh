#!/bin/sh
# The part of run.sh that compares with MONAI: sh run-monai.sh <python> <folder of data> <work folder>
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$1 data=$2 work=$3
: > "$work/rows-monai.md"
compare() { # <kind> <images>
  kind=$1
  shift
  bundle=$work/bundles/$kind
  [ -f "$bundle/models/model.pt" ] || "$python" "$here/make_monai_bundle.py" "$kind" "$data" "$bundle"
  node --conditions=development --import tsx "$here/parity-monai.ts" --python "$python" --work "$work" \
    --bundle "$bundle" --id "monai-$kind" "$@"
}
compare hippocampus "$work"/in/hippocampus_*.nii.gz
compare spleen "$work/in/spleen_0000.nii.gz"
