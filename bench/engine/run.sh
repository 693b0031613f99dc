#!/bin/sh
# Time and memory beside nnU-Net and MONAI: sh bench/engine/run.sh <work folder of bench/parity/run.sh> [work folder]
# PYTHON= as there. Rows go to <work>/engine.jsonl, the table of their medians to <work>/engine.md. `npm run build` first.
# ROUNDS= runs of each (3), of the CTs CT_ROUNDS= (1). CT_SIZE= of the CT with 3 classes, SIZES= of those with 104,
# PLANNED_SIZE= of the one whose network is as wide as nnU-Net plans it, PLANNED_RUN= the programs that run it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
parity=$(cd "$1" && pwd)
work=${2:-scanlane-out/engine}
mkdir -p "$work"
work=$(cd "$work" && pwd)
PYTHON=${PYTHON:-$parity/venv/bin/python}
name=nnUNetTrainer__nnUNetPlans__3d_fullres
small=$parity/balanced/Dataset901_Hippocampus/$name
mkdir -p "$work/hippocampus" "$work/one"
for n in 381 383 389; do
  cp -f "$parity/in/hippocampus_${n}_0000.nii.gz" "$work/hippocampus/"
  for copy in a b c; do cp -f "$parity/in/hippocampus_${n}_0000.nii.gz" "$work/hippocampus/hippocampus_$n${copy}_0000.nii.gz"; done
done
cp -f "$parity/in/hippocampus_381_0000.nii.gz" "$work/one/"
import() { # <id> <model folder> <fold>
  [ -f "$work/models/$1/manifest.json" ] && return
  node "$here/../../dist/src/cli/main.js" import nnunet "$2" --folds "$3" --id "$1" --models "$work/models" --python "$PYTHON"
  # Nobody mirrors here.
  node -e 'const fs = require("fs"), path = process.argv[1], manifest = JSON.parse(fs.readFileSync(path, "utf8"));
    fs.writeFileSync(path, JSON.stringify({ ...manifest, mirrorAxes: [] }, null, 2));' "$work/models/$1/manifest.json"
}
compare() { # <case> <id> <model folder> <fold> <images> <rounds> [further options]
  case=$1 id=$2 model=$3 fold=$4 images=$5 rounds=$6
  shift 6
  node --conditions=development --import tsx "$here/engine.ts" --python "$PYTHON" --work "$work" --models "$work/models" \
    --case "$case" --model "$id" --nnunet "$model" --fold "$fold" --images "$images" --rounds "$rounds" "$@"
}
ct() { # <network> <classes> <x> <y> <z>
  network=$1
  shift
  id=ct-$1 title="CT $2 x $3 x $4, $1 classes" programs=single,default,monai,ours
  [ "$network" = small ] || { id=ct-$network-$1 title="$title, channels as planned" programs=${PLANNED_RUN:-$programs}; }
  place=$work/$id-$2x$3x$4
  [ -d "$place/images" ] ||
    "$PYTHON" "$here/make_model.py" "$parity/balanced/Dataset902_Spleen/$name" "$place" "$network" "$1" "$2" "$3" "$4"
  import "$id" "$place/Dataset903_Random/$name" 0
  compare "$title" "$id" "$place/Dataset903_Random/$name" 0 "$place/images" "${CT_ROUNDS:-1}" --run "$programs"
}
import small "$small" 0
compare "hippocampus, 12 scans" small "$small" 0 "$work/hippocampus" "${ROUNDS:-3}"
compare "hippocampus, one scan" small "$small" 0 "$work/one" "${ROUNDS:-3}"
ct small 3 $(echo "${CT_SIZE:-512x512x300}" | tr x ' ')
ct planned 3 $(echo "${PLANNED_SIZE:-512x512x300}" | tr x ' ')
for size in ${SIZES:-256x256x160 320x320x220}; do ct small 104 $(echo "$size" | tr x ' '); done
node --conditions=development --import tsx "$here/table.ts" "$work/engine.jsonl" > "$work/engine.md"
cat "$work/engine.md"
