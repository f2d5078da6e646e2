#!/usr/bin/env python3
"""Checks the structure that src/README.md promises: include direction, who may see which library, file sizes, and that the
names of model families stay where they belong. Prints every breach and exits with 1 if there is one."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What each folder of src may include besides itself and include/sora.
ALLOWED = {
    "base": set(),
    "provenance": {"base"},
    "checkpoint": {"base"},
    "architecture": {"checkpoint", "base"},
    "plan": {"base"},
    "families": {"architecture", "plan", "checkpoint", "base"},
    "policy": {"base"},
    "batch": {"plan", "checkpoint", "base"},
    "cli": {"batch", "policy", "families", "provenance", "plan", "checkpoint", "base"},
    "media": {"base"},
    "text": {"checkpoint", "base"},
    "nn": {"checkpoint", "base"},
    "networks": {"architecture", "nn", "base"},
    "schedulers": {"architecture", "nn", "base"},
    "watermark": {"base"},
    "render": {"plan", "nn", "base"},
    "parallel": {"base"},
    "jobs": {"batch", "families", "provenance", "architecture", "parallel", "render", "watermark", "media", "text", "networks",
             "schedulers", "nn", "plan", "checkpoint", "base"},
    "": {"cli", "base"},  # main.cpp
}

# Public headers with LibTorch in them: for the engine's folders only.
TORCH_HEADERS = {"sora/tensor.h", "sora/weights.h", "sora/model.h"}
FRONT = {"base", "provenance", "checkpoint", "architecture", "plan", "families", "policy", "batch", "cli", ""}

LIBRARY_OWNERS = {
    r"<(CLI/|CLI11)": {"cli"},
    r"<lib(av|sw)": {"media"},
    r"<sentencepiece": {"text"},
    r"<openssl/": {"base", "provenance", "watermark"},
    r"<unicode/": {"text", "policy"},
    r"<re2/": {"policy"},
    r"<torch/torch": set(),
    r"<torch/csrc/distributed": {"parallel"},
}

FAMILY_NAMES = re.compile(r"\b([Ww]an(?![a-z])|[Uu][Mm][Tt]5|[Ss]ky[Rr]eels|[Hh]elios|[Cc]og[Vv]ideo)\w*")
FAMILY_FOLDERS = {"families", "architecture", "networks", "schedulers", "jobs"}
MAX_LINES = 600


def code_without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def folder_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "src").parts
    return parts[0] if len(parts) > 1 else ""


def include_breaches(path: Path, text: str) -> list[str]:
    folder = folder_of(path)
    breaches = []
    for include in re.findall(r"#include\s+([<\"][^>\"]+[>\"])", text):
        name = include[1:-1]
        if include[0] == '"' and name in TORCH_HEADERS and folder in FRONT:
            breaches.append(f"{folder or 'main'} is part of the front and must not include {name}")
        elif include[0] == '"' and not name.startswith("sora/"):
            target = name.split("/")[0]
            if target != folder and target not in ALLOWED[folder]:
                breaches.append(f"{folder or 'main'} must not include {name}")
        for pattern, owners in LIBRARY_OWNERS.items():
            if re.match(pattern, include) and folder not in owners:
                breaches.append(f"only {', '.join(sorted(owners)) or 'nobody'} may include {include}")
    return breaches


def check(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    breaches = []
    if text.count("\n") > MAX_LINES:
        breaches.append(f"has {text.count(chr(10))} lines; the limit is {MAX_LINES}")
    if path.is_relative_to(ROOT / "src"):
        breaches += include_breaches(path, text)
        if folder_of(path) not in FAMILY_FOLDERS:
            code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', code_without_comments(text))
            breaches += [f"names a model family: {name}" for name in {m.group(0) for m in FAMILY_NAMES.finditer(code)}]
    return breaches


def main() -> int:
    paths = [p for folder in ("include", "src", "tests") for p in sorted((ROOT / folder).rglob("*")) if p.suffix in (".h", ".cpp")]
    breaches = [f"{path.relative_to(ROOT)}: {breach}" for path in paths for breach in check(path)]
    print("\n".join(breaches) if breaches else f"structure: {len(paths)} files, no breach")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
