#!/usr/bin/env python3
"""Trains the text encoder, before the denoiser: what it makes of a caption has to tell the clip's attributes.

A reader asks it for each attribute as the denoiser will, by attention. What a caption leaves open the reader has to
guess. From pixels alone the denoiser would need many more examples to find out which words belong together.

Killed, it goes on from the last state; --init starts from a checkpoint.
"""

import dataclasses
import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import T5TokenizerFast, UMT5EncoderModel

from holdout import sample_for_training
from networks import Preset, make_text_encoder
from training import Length, Log, Run, add_training_options, seed_step, set_learning_rate
from truth import ATTRIBUTES, NONE, attributes
from workspace import Workspace, argument_parser, start
from world import CLIP_LEVELS, caption

SEED = 2
WARM_UP = 100
HEADS = 4
FALL = 0.7  # of a head's score, for each word farther away
FAR = 5.0  # on the side that it does not look at
FULL_LEVEL = "paragraph"  # tells all there is
CHECKED = 400


class Reader(nn.Module):
    """Text [B, L, D], mask [B, L] → logits of each attribute, [B, classes]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.questions = nn.Parameter(torch.randn(len(ATTRIBUTES), width) * 0.1)
        self.attention = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.answers = nn.ModuleList(nn.Linear(width, len(classes)) for classes in ATTRIBUTES.values())

    def forward(self, text: Tensor, mask: Tensor) -> list[Tensor]:
        questions = self.questions.expand(len(text), -1, -1)
        read, _ = self.attention(questions, text, text, key_padding_mask=~mask, need_weights=False)
        return [answer(row) for answer, row in zip(self.answers, self.norm(questions + read).unbind(1))]


@torch.no_grad()
def look_near(encoder: UMT5EncoderModel) -> None:
    """Lets one head look at the words before, one at those behind, one at both, the nearer the more; the last at all. From
    their usual start the biases take thousands of steps to grow, and so long all captions are bags of words."""
    for block in encoder.encoder.block:
        bias = block.layer[0].SelfAttention.relative_attention_bias.weight  # [buckets, heads]
        before, behind = bias[: len(bias) // 2], bias[len(bias) // 2 :]  # one bucket a word, wider ones for far words
        far = torch.arange(len(before), dtype=bias.dtype)
        before[:, 0], behind[:, 0] = -FALL * far, -FAR
        before[:, 1], behind[:, 1] = -FAR, -FALL * far
        before[:, 2], behind[:, 2] = -FALL * far, -FALL * far


class TextModel(nn.Module):
    def __init__(self, preset: Preset, tokens: int) -> None:
        super().__init__()
        self.encoder = make_text_encoder(preset, tokens)
        look_near(self.encoder)
        self.reader = Reader(preset.text_width)

    def forward(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        return self.reader(self.encoder(ids, mask).last_hidden_state, mask)


def examples(
    rng: random.Random, count: int, level: str, tokenizer: T5TokenizerFast, device: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids and mask of captions of one level, [B, L], and the classes of what they describe, [B, attributes]."""
    worlds = [sample_for_training(rng) for _ in range(count)]
    texts = [caption(world, rng, level) for world in worlds]
    encoded = tokenizer(texts, padding=True, pad_to_multiple_of=16, return_tensors="pt").to(device)
    classes = torch.tensor([attributes(dataclasses.asdict(world)) for world in worlds], device=device)
    return encoded.input_ids, encoded.attention_mask.bool(), classes


def load_text_encoder(workspace: Workspace, preset: Preset, tokens: int) -> UMT5EncoderModel:
    """The trained one."""
    model = TextModel(preset, tokens)
    model.load_state_dict(torch.load(workspace.text_encoder, weights_only=True, map_location="cpu")["model"])
    return model.encoder


def share_right(model: TextModel, tokenizer: T5TokenizerFast, device: str) -> float:
    """Of what clips have that were not among the examples, told by captions that tell everything."""
    with torch.no_grad():
        ids, mask, classes = examples(random.Random(-1), CHECKED, FULL_LEVEL, tokenizer, device)
        answers = torch.stack([logits.argmax(1) for logits in model(ids, mask)], dim=1)
    names = [[of[index] for of, index in zip(ATTRIBUTES.values(), row)] for row in classes.tolist()]
    asked = torch.tensor([[name != NONE for name in row] for row in names], device=device)
    return float((answers == classes)[asked].float().mean())


def learning_rate(step: int, share: float) -> float:
    """As a share of the full rate: a short rise, then straight down."""
    return min(1.0, (step + 1) / WARM_UP) * max(0.02, 1 - share)


def main() -> None:
    parser = argument_parser(__doc__)
    add_training_options(parser, batch_of="captions")
    options = parser.parse_args()
    workspace, preset = start(options)
    length = Length(options.steps or preset.schedule.text_steps, options.seconds)
    batch = options.batch or preset.schedule.text_batch
    tokenizer = workspace.load_tokenizer()
    torch.manual_seed(SEED)
    model = TextModel(preset, len(tokenizer))
    if options.init:
        published = UMT5EncoderModel.from_pretrained(options.init, subfolder="text_encoder", dtype=torch.float32)
        model.encoder.load_state_dict(published.state_dict())
    model.to(options.device)
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98))]
    if options.compile:
        model.compile(dynamic=True)
    log, step = Log(every=100, memory=0.98), 0
    run = Run(workspace.text_encoder, optimizers, options.save_seconds)
    if state := run.load():
        model.load_state_dict(state["model"])
        step = state["step"]

    while (share := length.share(step, run)) < 1:
        rng = seed_step(SEED, step)
        set_learning_rate(optimizers, learning_rate(step, share))
        ids, mask, classes = examples(rng, batch, rng.choice(CLIP_LEVELS), tokenizer, options.device)
        with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=options.bfloat16):
            answers = model(ids, mask)
        loss = sum(F.cross_entropy(logits.float(), wanted) for logits, wanted in zip(answers, classes.T))
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizers[0].step()
        log.add(loss)
        log.write(step, lambda loss: f"loss {loss:.3f}")
        step += 1
        if run.is_due:
            run.save(step, model=model.state_dict())
    run.save(step, model=model.state_dict())
    print(f"{share_right(model, tokenizer, options.device):.1%} of what paragraphs tell is read right")


if __name__ == "__main__":
    main()
