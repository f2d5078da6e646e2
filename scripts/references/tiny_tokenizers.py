"""Trains the two small sentencepiece tokenizers of tests/data and writes what transformers makes of hard texts."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from transformers import T5TokenizerFast

PROMPT = "A cat and a dog  baking a cake together in a kitchen; the caf\u00e9 is \u201cwarm\u201d &amp; bright."
NEGATIVE_PROMPT = "blurred details, static, worst quality"

VOCABULARY_SIZE = 640
EXTRA_IDS = 32

# The special pieces as google/umt5-* has them, and as T5 v1.1 has them.
STYLES: dict[str, dict[str, Any]] = {
    "umt5": dict(pad_id=0, eos_id=1, bos_id=2, unk_id=3, byte_fallback=True),
    "t5": dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1, byte_fallback=False),
}

WORDS = """a the cat dog bird fish horse car train boat river mountain kitchen cake flour batter spoon window light
sun moon star rain snow city street forest beach ocean wave sky cloud night day morning evening red green blue yellow
white black warm cold bright dark slow fast camera pans zooms close up wide shot of in on at with and or over under
through running walking baking carefully measuring stirring while together cozy wooden sunlight streaming high quality
detailed cinematic realistic style blurred details static worst low frames video man woman child people smiling dancing
singing cafe is are was it its their wearing hat coat holding balloon flying jumping slowly quickly left right front
behind""".split()

# Each line is a way in which text differs between sentencepiece, its Rust rewrite and a naive reader.
CASES = [
    PROMPT,
    NEGATIVE_PROMPT,
    "",
    " ",
    "A cat",
    "a  cat\n\tsits\u00a0here",
    "\ufb01ne \uff21\uff22\uff23 \u2460 \u00bd",  # compatibility forms: ligature, full width, circled, fraction
    "caf\u00e9 cafe\u0301 na\u00efve",  # composed and decomposed
    "\u732b\u72ac \u9ce5",
    "emoji \U0001f600 here \U0001f600\U0001f680 x\U0001f600y",
    "</s> <pad> <extra_id_0> <s> <unk>",
    "don\u2019t \u2018quote\u2019 \u201cthis\u201d",
    "&lt;b&gt; &amp;amp; &#39;",
    "x" * 300,
    "the \u200bzero\u200dwidth\ufeff",
    "1234567890 3.14 -5%",
    "Tab\tand\r\nlines\u2028sep",
    "\u03a9mega \u0416\u0443\u043a \u05d0\u05d1 \u0e44\u0e17\u0e22",
    "\u00c3\u00a9t\u00c3\u00a9 mojibake \u00e2\u0080\u0099",
    "a cat <extra_id_1> and a dog</s>",
    "\u2581a \u2581 cat",  # the word marker itself
    " the cat and the dog are running through the forest under the bright moon while people are dancing on the beach ",
]


def corpus(sentences: int = 4000, seed: int = 0) -> list[str]:
    """Sentences of common words with punctuation, digits, accents and symbols mixed in."""
    random = np.random.RandomState(seed)
    lines = []
    for _ in range(sentences):
        count = random.randint(4, 18)
        line = " ".join(WORDS[index] for index in random.randint(0, len(WORDS), count))
        kind = random.rand()
        if kind < 0.3:
            line = line.capitalize() + "."
        elif kind < 0.5:
            line = line.replace(" ", ", ", 1) + "!"
        elif kind < 0.6:
            line = f"{line} {random.randint(0, 2000)}?"
        elif kind < 0.7:
            line = f"\u201c{line}\u201d caf\u00e9 na\u00efve \u732b \u72ac"
        elif kind < 0.8:
            line = line + " " + "".join(chr(33 + code) for code in random.randint(0, 94, 12))
        lines.append(line)
    return lines


def train(folder: Path, style: str) -> None:
    """Writes `spiece.model` and `tokenizer_config.json`; the bytes depend on `style` alone."""
    model = io.BytesIO()  # trained into memory: a path given to the trainer would end up in the file
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()), model_writer=model, model_type="unigram", vocab_size=VOCABULARY_SIZE,
        character_coverage=1.0, normalization_rule_name="nmt_nfkc", num_threads=1, hard_vocab_limit=False,
        pad_piece="<pad>", eos_piece="</s>", unk_piece="<unk>", bos_piece="<s>", minloglevel=2, **STYLES[style],
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    spiece = folder / "spiece.model"
    spiece.write_bytes(model.getvalue())
    native = T5TokenizerFast.convert_to_native_format(vocab_file=str(spiece), extra_ids=EXTRA_IDS)
    T5TokenizerFast(**native).save_pretrained(folder)
    # transformers builds the same tokenizer from spiece.model: 360 KB that a test would have no use for.
    (folder / "tokenizer.json").unlink()


def cases(folders: dict[str, Path]) -> list[dict[str, Any]]:
    """What the reference makes of every text: with the end token, and padded or cut to 24 tokens."""
    rows = []
    for style, folder in folders.items():
        tokenizer = T5TokenizerFast.from_pretrained(folder)
        for text in CASES:
            cleaned = prompt_clean(text)
            padded = tokenizer([cleaned], padding="max_length", max_length=24, truncation=True)
            rows.append(
                dict(
                    style=style,
                    text=text,
                    cleaned=cleaned,
                    hf_ids=tokenizer(cleaned).input_ids,
                    hf_ids_pad24=padded.input_ids[0],
                    hf_mask24=padded.attention_mask[0],
                )
            )
    return rows


def write_cases(path: Path, folders: dict[str, Path]) -> None:
    path.write_text(json.dumps(cases(folders), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
