#!/usr/bin/env bash
# Runs every stage of the training on tiny networks, in a few minutes. Usage: smoke.sh [python]
set -euo pipefail
cd "$(dirname "$0")"
python=${1:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
smoke=(--work "$work" --preset smoke --threads 2)

"$python" check_forward.py
"$python" check_judge.py --vae ""
"$python" make_clips.py "${smoke[@]}" --clips 3 --stills 4
"$python" make_clips.py "${smoke[@]}" --clips 3 --stills 4 # nothing left to do
rm "$work"/{clips,stills}.{npy,jsonl}
"$python" make_tokenizer.py "${smoke[@]}" --sentences 500
"$python" train.py "${smoke[@]}" "$work/checkpoint"
"$python" check_resume.py "$work"
"$python" train_denoiser.py "${smoke[@]}" --steps 8 # goes on from step 6
"$python" train.py "${smoke[@]}" "$work/checkpoint" # only writes the folder
"$python" sample_sheet.py "$work/checkpoint" "$work/sheet.png" --steps 2 --num-frames 5 --prompts "a red ball"
[ -s "$work/sheet.png" ]
echo "smoke test passed"
