#!/usr/bin/env python3
"""Writes tests/data/text: prompts and what diffusers' prompt_clean and the shipped checkpoint's tokenizer make of them.

cleaning_cases.json     [{"text", "cleaned"}]
tiny_world_tokens.json  [{"text", "ids"}], the text cleaned already
"""

import json
from pathlib import Path

import torch
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from safetensors.torch import save_file
from transformers import T5EncoderModel, T5TokenizerFast, UMT5EncoderModel

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "data" / "text"
TOKENIZER = ROOT / "models" / "tiny-world" / "tokenizer"

# Grouped by what they are about. None looks like text in a wrong encoding, whose repair is left out.
PROMPTS = [
    # whitespace
    "", " \t ", "  a   cat  ", "a\tb\nc\r\nd\x0be\x0cf", "a\u00a0b\u1680c\u2003d\u2028e\u2029f\u202fg\u205fh\u3000i",
    "a\u200bb\u200dc", "a\x1cb\x1fc",
    # quotes
    "\u201chello\u201d, it\u2019s \u2018fine\u2019", "\u201aa\u201b \u201eb\u201f \u02bcc \u2032d \u00abe\u00bb",
    # control characters and terminal escapes
    "\x1b[31mred\x1b[0m", "\x1b[38;5;1mx\x1b[K", "\x1b[", "\x1b[31\u00e9", "\x1b[\u0663m", "\x00a\x08b\x7fc",
    "\ufeffa\u206ab\ufff9c\ufffcd\ufffde", "a\x85b\x80c\x9fd",
    # composition, ligatures, width
    "cafe\u0301 na\u0131\u0308ve A\u030a", "q\u0307\u0323 q\u0323\u0307", "\u1100\u1161\u11a8", "\u212b \u2126",
    "\ufb01ne \ufb02ow o\ufb03ce \ufb05", "\u0149 \u01c4 \u01c9 \u0132", "\uff26\uff35\uff2c\uff2c\u3000\uff71\uff9e\uff76",
    "\u00bd \u2460 \u00b2 \u2122",
    # references that need no second look
    "a &amp; b &lt;3 &quot;c&quot; &#39;d&#39;", "&hellip;it&#8217;s &ldquo;so&rdquo; &eacute;", "&#x41;&#X42;&#67;",
    "&NTILDE;and&EACUTE; &SZLIG;", "&LTRIE; &nTILDE; &AACUTE;", "&Aacute;&aacute;", "&NotEqualTilde;",
    # without a semicolon
    "rock&roll R&D AT&T", "&ampere &copyright &notit; &notin;", "&lt &gt &amp", "fish&chips&amp", "x&ltimes;y &ltimesy",
    # nested
    "&amp;amp;amp;amp;lt;b", "&amp;#8217;", "&amp;lt;b&amp;gt;", "&#38;#38;#65;", "\uff06amp\uff1b",
    # numeric oddities
    "&#0;a&#1;b&#13;c&#127;d", "&#128;&#129;&#150;&#159;", "&#xD800;&#xDFFF;&#x110000;&#99999999999999999999;",
    "&#xFFFE;&#xFDD0;&#x1FFFF;x", "&#; &#x; &#xg; &#12a; &;", "&#59;&#x3b;", "&#65", "&#32;a&#160;",
    # a '<' means HTML: references then stay for html.unescape, which gives two rounds
    "<b>&amp;amp;amp;lt;</b>", "5 < 6 &ldquo;x&rdquo;", "&hellip;\n<b>&ldquo;\n&rdquo;",
    # names too long or not ASCII
    "&" + "a" * 40 + ";", "&caf\u00e9;", "&CounterClockwiseContourIntegral;", "&counterclockwisecontourintegral;",
    # other scripts
    "\u4e00\u53ea\u732b\u5728\u8349\u5730\u4e0a\uff0c\u9633\u5149\u660e\u5a9a\u3002", "\u041a\u043e\u0442 \u0438 \u0441\u043e\u0431\u0430\u043a\u0430",
    "\U0001f600\U0001f1eb\U0001f1f7\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u0e44\u0e17\u0e22 \u05d0\u05d1 \u0939\u093f\u0928\u094d\u0926\u0940",
]  # fmt: skip

CAPTIONS = [
    "A large red ball bounces up and down on the grass.",
    "Two stars, one blue and one yellow, drift apart over the sea at night.",
    "the small green triangle spins while the camera pans left",
    "a white cube slides to the right in a snowy field, seen from the side",
    "A glowing pink ring floats above the sandy desert at sunset.",
    "", "A", "Balloons and redder stars", "UNKNOWN words 123 \u00e9\u00e8", "ball,ball. ball! ball-ball",
    "a \u2581red ball", "\u2581Two\u2581ball x\u2581ballx", "<pad>a</s> ball <unk><s>x", "<extra_id_0>", "\uff1cs\uff1e \uff1cunk\uff1e",
    "\u2603\u2603 a\u2603b \u2603", "<0x41> A", "\u2460\u0300 e\u0301 \uff71\uff9e", "x" * 80,
]  # fmt: skip


def write(name: str, cases: list[dict]) -> None:
    # One case a line, ASCII: what differs is often invisible.
    lines = ",\n".join(json.dumps(case) for case in cases)
    (OUT / name).write_text(f"[\n{lines}\n]\n")


def long_prompt() -> dict[str, torch.Tensor]:
    tensors = {}
    for name, encoder_class in {"wan21_t2v": UMT5EncoderModel, "t5_encoder": T5EncoderModel}.items():
        folder = ROOT / "tests" / "data" / "models" / name / "text_encoder"
        encoder = encoder_class.from_pretrained(folder, dtype=torch.float32)
        ids = (torch.arange(300) * 37 + 11) % 600 + 4
        tensors[f"{name}.ids"] = ids
        tensors[f"{name}.last_hidden_state"] = encoder(ids[None]).last_hidden_state
    return tensors


def main() -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    OUT.mkdir(parents=True, exist_ok=True)
    write("cleaning_cases.json", [{"text": text, "cleaned": prompt_clean(text)} for text in PROMPTS])
    tokenizer = T5TokenizerFast.from_pretrained(TOKENIZER)
    write("tiny_world_tokens.json", [{"text": text, "ids": tokenizer(text).input_ids} for text in CAPTIONS])
    save_file(long_prompt(), OUT / "long_prompt.safetensors")


if __name__ == "__main__":
    main()
