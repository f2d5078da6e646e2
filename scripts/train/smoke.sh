#!/usr/bin/env bash
# Runs every stage of the training on tiny networks, in a few minutes. Usage: smoke.sh [python]
set -euo pipefail
cd "$(dirname "$0")"
python=${1:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

stage() {
  echo "== $1"
  "$python" "$1.py" "${@:2}" --work "$work" --preset smoke --threads 2
}

"$python" check_forward.py
"$python" check_judge.py --vae ""
stage make_clips --clips 6 --frames 25
stage make_clips --clips 6 --frames 25  # nothing left to do
stage make_tokenizer --sentences 500
stage train_vae --steps 3 --batch 2
stage encode_clips
stage train_denoiser --steps 4 --batch 4
stage train_denoiser --steps 6 --batch 4  # goes on from step 4
stage export "$work/checkpoint"
"$python" sample_sheet.py "$work/checkpoint" "$work/sheet.png" --steps 2 --num-frames 5 --prompts "a red ball"
[ -s "$work/sheet.png" ]
echo "smoke test passed"
