#!/usr/bin/env python3
"""Writes the trained parts as one checkpoint folder in diffusers layout, bf16 on disk."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from diffusers import WanPipeline

from networks import load_trained_vae, make_denoiser, make_scheduler
from train_text_encoder import load_text_encoder
from workspace import argument_parser, start


def write_sums(folder: Path) -> None:
    """What `sora-gen models verify` compares with."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n" for file in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("out", type=Path, help="folder to write; what is there is replaced")
    parser.add_argument("--last", action="store_true", help="the last weights, not their moving average")
    options = parser.parse_args()
    workspace, preset = start(options)
    latents = np.load(workspace.latents)
    vae = load_trained_vae(
        workspace.vae, preset, latents_mean=latents["mean"].tolist(), latents_std=latents["std"].tolist()
    )
    tokenizer = workspace.load_tokenizer()
    trained = torch.load(workspace.denoiser, weights_only=True, map_location="cpu")["denoiser" if options.last else "average"]
    denoiser = make_denoiser(preset)
    denoiser.load_state_dict(trained)
    text_encoder = load_text_encoder(workspace, preset, len(tokenizer))

    pipeline = WanPipeline(
        tokenizer=tokenizer, text_encoder=text_encoder.bfloat16(), vae=vae.bfloat16(),
        transformer=denoiser.bfloat16(), scheduler=make_scheduler(), expand_timesteps=True,
    )  # fmt: skip
    shutil.rmtree(options.out, ignore_errors=True)
    pipeline.save_pretrained(options.out, safe_serialization=True)
    shutil.copyfile(workspace.tokenizer / "spiece.model", options.out / "tokenizer" / "spiece.model")
    index_path = options.out / "model_index.json"
    index = json.loads(index_path.read_text())
    index["tokenizer"] = ["transformers", "T5TokenizerFast"]  # the name on the hub; transformers 5 writes another
    index_path.write_text(json.dumps(index, indent=2) + "\n")
    write_sums(options.out)


if __name__ == "__main__":
    main()
