#!/usr/bin/env python3
"""Puts public data sets, as you downloaded them, where narabi looks for them (NARABI_DATA or --data).

    tools/place_data.py list
    tools/place_data.py jaquad  CHECKOUT_OF_JaQuAD           --data DIR
    tools/place_data.py jsquad  CHECKOUT_OF_JGLUE            --data DIR
    tools/place_data.py kyoto   FOLDER_OF_XML                --data DIR
    tools/place_data.py aozora  FOLDER_OF_TXT                --data DIR

Nothing is downloaded: `list` says where each source lies and under which licence. Files are written
whole or not at all, and where the content is known its checksum is compared.
"""
import argparse
import hashlib
import json
import lzma
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Iterator

SOURCES = """\
jaquad  JaQuAD 0.1.0, CC BY-SA 3.0. GitHub repository SkelterLabsInc/JaQuAD, folder data/
        -> jaquad/jaquad-train.json.xz (31,748 questions), jaquad/jaquad-dev.json.xz (3,939)
jsquad  JSQuAD of JGLUE 1.3, CC BY-SA 4.0. GitHub repository yahoojapan/JGLUE, datasets/jsquad-v1.3/
        -> jsquad/jsquad-valid-v1.3.json.xz (4,442 questions)
kyoto   Japanese-English Bilingual Corpus of Wikipedia's Kyoto Articles, CC BY-SA 3.0. NICT; also on
        Kaggle. The unpacked folder of XML files (BDS00001.xml, ...)
        -> kyoto/kyoto-passages.jsonl.xz (about 68,000 passages of at most 400 characters)
aozora  Aozora Bunko, public domain works. GitHub repository aozorabunko/aozorabunko: the unpacked
        text files (Shift_JIS, with ruby); keep works in modern orthography only
        -> aozora/aozora.txt.xz (a paragraph a line, works separated by empty lines)
jqara   JQaRA's judgements and published runs ship with narabi in data/jqara
"""

# SHA-256 of the unpacked content of the versions that narabi's figures were measured on.
KNOWN = {
    "jaquad/jaquad-train.json.xz": "a571c3994072f8b0a4db2dc6f659c053e39447dbfea4a350fc25c6a877501326",
    "jaquad/jaquad-dev.json.xz": "ead948885149563f7688342fa7490e5557b12302510c4fd9e85134791692a318",
    "jsquad/jsquad-valid-v1.3.json.xz": "fb0a57a35281ff03bbe7f0e878cff5b577985fbe6fcb242e7e8ddb63d1c0ab11",
}
PASSAGE_CHARACTERS = 400


def place(data: Path, name: str, content: bytes) -> None:
    target = data / name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    verdict = "checksum as expected" if KNOWN.get(name) == digest else "checksum not known"
    if name in KNOWN and KNOWN[name] != digest:
        verdict = "WARNING: not the version that narabi's figures were measured on"
    temporary = target.with_suffix(".partial")
    temporary.write_bytes(lzma.compress(content, preset=6))
    os.replace(temporary, target)
    print(f"{target}: {len(content):,} bytes unpacked, {verdict}")


def jaquad(source: Path, data: Path) -> None:
    for split in ("train", "dev"):
        parts = sorted((source / "data" / split).glob(f"jaquad_{split}_*.json"))
        if not parts:
            sys.exit(f"{source}/data/{split}: expected jaquad_{split}_0000.json and on, found none")
        merged: dict = {"version": "JaQuAD v0.1.0", "data": []}
        for part in parts:
            merged["data"] += json.loads(part.read_text(encoding="utf-8"))["data"]
        place(data, f"jaquad/jaquad-{split}.json.xz", json.dumps(merged, ensure_ascii=False).encode())


def jsquad(source: Path, data: Path) -> None:
    path = source / "datasets/jsquad-v1.3/valid-v1.3.json"
    if not path.is_file():
        sys.exit(f"{path}: expected JSQuAD of JGLUE, found none")
    place(data, "jsquad/jsquad-valid-v1.3.json.xz", path.read_bytes())


def passages(sentences: list[str]) -> Iterator[str]:
    """Whole sentences up to PASSAGE_CHARACTERS; a longer sentence stands alone."""
    current = ""
    for sentence in sentences:
        if current and len(current) + len(sentence) > PASSAGE_CHARACTERS:
            yield current
            current = ""
        current += sentence
    if current:
        yield current


def kyoto(source: Path, data: Path) -> None:
    files = sorted(source.rglob("*.xml"))
    if not files:
        sys.exit(f"{source}: expected XML files such as BDS00001.xml, found none")
    lines = []
    for path in files:
        article = ElementTree.parse(path).getroot()
        title = (article.findtext("tit/j") or "").strip()
        count = 0

        def walk(node: ElementTree.Element, section: tuple[str, ...]) -> None:
            nonlocal count
            for child in node:
                if child.tag == "sec":
                    walk(child, (*section, (child.findtext("tit/j") or "").strip()))
                elif child.tag == "par":
                    sentences = [(s.findtext("j") or "").strip() for s in child.iter("sen")]
                    for text in passages([s for s in sentences if s]):
                        record = {"id": f"{path.stem}-{count}", "title": title,
                                  "section": " > ".join(s for s in section if s), "text": text}
                        lines.append(json.dumps(record, ensure_ascii=False))
                        count += 1

        walk(article, ())
    place(data, "kyoto/kyoto-passages.jsonl.xz", ("\n".join(lines) + "\n").encode())


def plain_aozora(text: str) -> list[str]:
    """Paragraphs without ruby (《》, with its start mark ｜) and editors' notes (［＃...］)."""
    body = re.split(r"^-{20,}\s*$", text, flags=re.M)
    text = body[2] if len(body) > 2 else body[-1]
    text = re.split(r"^底本：", text, flags=re.M)[0]
    text = re.sub(r"《[^》]*》|［＃[^］]*］|｜", "", text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def aozora(source: Path, data: Path) -> None:
    works = []
    for path in sorted(source.rglob("*.txt")):
        paragraphs = plain_aozora(path.read_bytes().decode("cp932", errors="ignore"))
        if paragraphs:
            works.append("\n".join(paragraphs))
    if not works:
        sys.exit(f"{source}: expected text files of Aozora Bunko, found none")
    place(data, "aozora/aozora.txt.xz", ("\n\n".join(works) + "\n").encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["list", "jaquad", "jsquad", "kyoto", "aozora"])
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("--data", type=Path, default=os.environ.get("NARABI_DATA"))
    options = parser.parse_args()
    if options.what == "list":
        print(SOURCES, end="")
        return
    if options.source is None or not options.source.is_dir():
        parser.error(f"{options.what}: expected the folder of the download, found {options.source}")
    if options.data is None:
        parser.error("say where to: --data DIR, or set NARABI_DATA")
    {"jaquad": jaquad, "jsquad": jsquad, "kyoto": kyoto, "aozora": aozora}[options.what](options.source, Path(options.data))


if __name__ == "__main__":
    main()
