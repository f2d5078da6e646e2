#!/usr/bin/env python3
"""Trains the tokenizer: each word of the world is one symbol, anything else falls back to pieces and bytes."""

import io
import random
import re

import sentencepiece
from transformers import T5TokenizerFast

from workspace import argument_parser, start
from world import CLIP_LEVELS, caption, sample

OTHER_SENTENCES = ["A ball rolls on the grass at sunset.", "Two shapes, one red and one blue, drift apart."]


def captions(count: int) -> list[str]:
    """One of each world, of all its levels of detail in turn."""
    rng = random.Random(5)
    return [caption(sample(rng), rng, CLIP_LEVELS[index % len(CLIP_LEVELS)]) for index in range(count)]


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--sentences", type=int, default=20_000, help="captions to train on (%(default)s)")
    options = parser.parse_args()
    workspace, _ = start(options)
    lines = captions(options.sentences) + OTHER_SENTENCES
    words = sorted({word for line in lines for word in re.findall(r"[A-Za-z]+", line)})
    model = io.BytesIO()  # trained into memory: a path given to the trainer would end up in the file
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="unigram", vocab_size=700,
        user_defined_symbols=["\u2581" + word for word in words], character_coverage=1.0,
        normalization_rule_name="nmt_nfkc", hard_vocab_limit=False, byte_fallback=True, minloglevel=2,
        pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="</s>", bos_piece="<s>",
        unk_piece="<unk>",
    )  # fmt: skip
    workspace.tokenizer.mkdir(exist_ok=True)
    spiece = workspace.tokenizer / "spiece.model"
    spiece.write_bytes(model.getvalue())
    native = T5TokenizerFast.convert_to_native_format(vocab_file=str(spiece), extra_ids=0)
    tokenizer = T5TokenizerFast(**native)
    tokenizer.save_pretrained(workspace.tokenizer)
    print(f"{len(words)} words, {len(tokenizer)} tokens; {lines[0]!r}: {tokenizer.tokenize(lines[0])}")


if __name__ == "__main__":
    main()
