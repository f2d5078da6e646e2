#!/usr/bin/env bash
# Renders a prompt file with the tasks of a SLURM array, one GPU each:
#
#   sbatch scripts/slurm_array.sh PROMPTS FOLDER [FLAG ...]
#   sbatch --array=0-31 --time=12:00:00 scripts/slurm_array.sh prompts.jsonl /shared/videos --model ... --steps 30
#
# Tasks need not start together, and any number of them will do: each takes the next job that nobody has, and what a task
# leaves behind when its time is up or its machine fails, the others do. Submitted again, the script does what is left.
# FOLDER must be on a file system that all machines see and whose locks hold across them (README.md, "Many processes
# and machines"). SORA_GEN names the program where it is not in PATH.
#SBATCH --job-name=sora-gen
#SBATCH --array=0-7
#SBATCH --gpus=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --output=sora-gen-%A_%a.log
# Two minutes before the end: time to stop between two steps and to keep the latents of finished windows.
#SBATCH --signal=B:TERM@120
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: sbatch scripts/slurm_array.sh PROMPTS FOLDER [FLAG ...]" >&2
  exit 2
fi
prompts=$1 folder=$2
shift 2

echo "task ${SLURM_ARRAY_TASK_ID:-0} of job ${SLURM_ARRAY_JOB_ID:-none} on $(hostname)" >&2
# exec: SLURM's signal is for the process that it has started.
exec "${SORA_GEN:-sora-gen}" --prompts "$prompts" -o "$folder/{index:03}-{slug}.mp4" --progress none "$@"
