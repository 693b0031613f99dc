#!/bin/sh
# Parity with nnU-Net and MONAI, whole: sh bench/parity/run.sh <folder of data> [work folder]
# Makes a Python environment (or takes PYTHON=), trains throw-away models once, compares. Rows go to <work>/rows*.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data=$1
work=${2:-scanlane-out/parity}
mkdir -p "$work"
work=$(cd "$work" && pwd)
if [ -z "${PYTHON:-}" ]; then
  [ -x "$work/venv/bin/python" ] || { python3 -m venv "$work/venv"; "$work/venv/bin/pip" install -r "$here/requirements.txt"; }
  PYTHON=$work/venv/bin/python
fi
name=nnUNetTrainer__nnUNetPlans__
hippocampus=Dataset901_Hippocampus/$name
spleen=Dataset902_Spleen/$name
"$PYTHON" "$here/train_nnunet.py" --data "$data" --work "$work"

mkdir -p "$work/in"
for n in 381 383 389; do cp -f "$data/msd-hippocampus/images/hippocampus_$n.nii.gz" "$work/in/hippocampus_${n}_0000.nii.gz"; done
cp -f "$data/volume-formats/ct-spleen-crop/sub-spleen2_ct.nii.gz" "$work/in/spleen_0000.nii.gz"
ct=$work/in/spleen_0000.nii.gz
out=$work/balanced
compare() { # <package> <mirror|plain> <configuration> <folds> <further options and images>
  id=$1 mirroring=$2 model=$3 folds=$4
  shift 4
  node --conditions=development --import tsx "$here/parity.ts" --python "$PYTHON" --work "$work" \
    --id "$id" --mirroring "$mirroring" --model "$out/$model" --folds "$folds" "$@"
}
: > "$work/rows.md"
compare spleen-lowres-plain plain "${spleen}3d_lowres" all "$ct"
compare spleen-cascade-plain plain "${spleen}3d_cascade_fullres" all --previous spleen-lowres-plain "$ct"
compare spleen-3d-plain plain "${spleen}3d_fullres" all "$ct"
compare spleen-seeds-plain plain "${spleen}3d_fullres" all,1 "$ct"
compare hippocampus-3d mirror "${hippocampus}3d_fullres" 0,1 "$work"/in/hippocampus_*.nii.gz
compare hippocampus-2d mirror "${hippocampus}2d" 0,1 "$work"/in/hippocampus_*.nii.gz
compare spleen-2d-plain plain "${spleen}2d" all "$ct"
compare hippocampus-3d-plain plain "${hippocampus}3d_fullres" 0,1 "$work"/in/hippocampus_*.nii.gz
sh "$here/run-monai.sh" "$PYTHON" "$data" "$work"
cat "$work/rows.md" "$work/rows-monai.md"
