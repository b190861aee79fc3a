#!/usr/bin/env python3
"""Writes tests/golden/tokenizer_cases.jsonl: golden folders with some keys changed, and the ids that the real
transformers (requirements-4.txt) gives then. A case's edits are JSON merge patches by file; null removes a file.

    make_tokenizer_cases.py
"""
import json
import shutil
import tempfile
from pathlib import Path

import transformers

GOLDEN = Path(__file__).resolve().parents[2] / "tests/golden"
TOKENIZER_FILES = ["config.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json", "vocab.txt",
                   "sentencepiece.bpe.model"]
MODERNBERT, BERT, JAPANESE = "modernbert-base-v2", "bert-tokenizer-json", "bert-base-v1"
XLMR, SENTENCEPIECE = "xlmr-bge-m3", "xlmr-spm-only"
PLAIN = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}


def read(base: str, name: str) -> dict:
    return json.loads((GOLDEN / base / name).read_text())


def token(content: str, **flags) -> dict:
    return {"content": content, **PLAIN, **flags}


def config(**keys) -> dict:
    return {"tokenizer_config.json": keys}


def decoder(**tokens) -> dict:
    return config(added_tokens_decoder={key.lstrip("t"): value for key, value in tokens.items()})


def tokenizer(**keys) -> dict:
    return {"tokenizer.json": keys}


def added(base: str, change) -> list[dict]:
    tokens = read(base, "tokenizer.json")["added_tokens"]
    change(tokens)
    return tokens


def merge(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = merge(target.get(key), value)
    return target


NO_BERT_OPTIONS = {"do_lower_case": None, "strip_accents": None, "tokenize_chinese_chars": None}
UNCHANGED_TEXT = {"lowercase": False, "strip_accents": False}

# (what is shown, golden folder, edits, texts or [query, passage])
CLASSES = [
    ("a BertNormalizer within a Sequence keeps its options", BERT,
     config(**NO_BERT_OPTIONS) | tokenizer(normalizer={
         "type": "Sequence", "clean_text": None, "handle_chinese_chars": None, "strip_accents": None,
         "lowercase": None, "normalizers": [{"type": "NFKC"}, {
             "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, **UNCHANGED_TEXT}]}),
     ["ガッツ Tokyo", "Ｔｏｋｙｏ Éa"]),
    ("do_lower_case of ElectraTokenizer", BERT, config(tokenizer_class="ElectraTokenizer", do_lower_case=False),
     ["Ｔｏｋｙｏ Éa", "ガッツ"]),
    ("the class by model_type", BERT, config(tokenizer_class=None, do_lower_case=False), ["Ｔｏｋｙｏ Éa", "ガッツ"]),
    ("lower case by default", BERT,
     {"tokenizer_config.json": None} | tokenizer(normalizer=UNCHANGED_TEXT), ["Ｔｏｋｙｏ Éa", "ガッツ"]),
    ("the class in config.json", BERT, config(tokenizer_class=None) | {"config.json": {
        "model_type": "modernbert", "tokenizer_class": "PreTrainedTokenizerFast"}} | tokenizer(
            normalizer=UNCHANGED_TEXT), ["Ｔｏｋｙｏ Éa", "ガッツ"]),
    ("BertJapaneseTokenizer in config.json", JAPANESE,
     config(tokenizer_class=None) | {"config.json": {"tokenizer_class": "BertJapaneseTokenizer"}},
     ["東京タワー", "歴史の本"]),
    ("BertJapaneseTokenizer beside a tokenizer.json", JAPANESE,
     tokenizer(added_tokens=[], model={"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0}}), ["東京タワー", "歴史の本"]),
    ("DistilBertTokenizer gives no types", BERT, config(tokenizer_class="DistilBertTokenizer"), [["京都", "歴史"]]),
    ("MPNetTokenizer gives no types", BERT, config(tokenizer_class="MPNetTokenizer"), [["京都", "歴史"]]),
    ("XLM-R by model_type gives no types", XLMR, config(tokenizer_class=None), [["京都", "歴史"]]),
]
EXTRA = ["<extra> 東京", "東京 <extra>x"]
ADDED = [
    ("added_tokens_decoder beside a SentencePiece model", SENTENCEPIECE, decoder(t3002=token("<extra>")), EXTRA),
    ("additional_special_tokens beside a SentencePiece model", SENTENCEPIECE,
     config(additional_special_tokens=["<extra>"]), EXTRA),
    ("added_tokens.json beside a SentencePiece model", SENTENCEPIECE,
     config(added_tokens_decoder=None) | {"added_tokens.json": {"<extra>": 3002}}, EXTRA + ["a <mask> b"]),
    ("flags of added_tokens_decoder beside a SentencePiece model", SENTENCEPIECE,
     decoder(t3001=token("<mask>", lstrip=False, rstrip=True)), ["a <mask> b"]),
    ("added_tokens.json beside MeCab's vocab.txt", JAPANESE,
     config(added_tokens_decoder=None) | {"added_tokens.json": {"東京": 3000}}, ["東京\n大阪"]),
    ("added_tokens.json beside BERT's vocab.txt", JAPANESE,
     config(added_tokens_decoder=None, tokenizer_class="BertTokenizer") | {"added_tokens.json": {"<extra>": 3000}},
     EXTRA),
    ("MeCab's tokenizer keeps a gap before an id", JAPANESE,
     merge(decoder(t3010=token("<extra>")), config(additional_special_tokens=["<more>"])), EXTRA + ["a<more>b"]),
    ("BertTokenizerFast closes a gap before an id", JAPANESE,
     merge(decoder(t3010=token("<extra>")), config(tokenizer_class="BertTokenizer")), EXTRA),
    ("the library closes a gap before an id", MODERNBERT,
     config(added_tokens_decoder=None) | tokenizer(added_tokens=added(
         MODERNBERT, lambda tokens: tokens.append({"id": 3100, **token("<extra>")}))), EXTRA),
    ("ids of added_tokens_decoder count as numbers", MODERNBERT,
     decoder(t9999=token("<a>"), t10000=token("<b>"), t10001=token("<c>")), ["<a>x<b>y<c>"]),
    ("flags of added_tokens_decoder win over those of tokenizer.json", MODERNBERT,
     decoder(t5=token("<mask>", lstrip=True)), ["京都の  <mask> 歴史 a"]),
    ("flags of tokenizer.json without added_tokens_decoder", MODERNBERT, config(
        added_tokens_decoder=None, mask_token={"__type": "AddedToken", **token("<mask>", lstrip=True)}),
     ["京都の  <mask> 歴史 a"]),
    ("an added token that is not special and does not say so is normalised", BERT,
     decoder(t3000={"content": "KYOTO", "special": False}), ["Kyoto京都KYOTO"]),
    ("extra_special_tokens", MODERNBERT, config(extra_special_tokens={"image_token": "<extra>"}), EXTRA),
    ("extra_special_tokens come after additional ones", MODERNBERT,
     config(extra_special_tokens={"x_token": "<b>"}, additional_special_tokens=["<a>"]), ["<b>x<a>"]),
    ("extra_special_tokens of MeCab's tokenizer", JAPANESE, config(extra_special_tokens={"image_token": "<extra>"}),
     EXTRA),
    ("roles, then additional tokens", MODERNBERT,
     config(pad_token="[PAD]", mask_token="[MASK]", additional_special_tokens=["<b>", "<a>"]),
     ["[MASK]a[PAD]<a><b>"]),
    ("special_tokens_map.json does not count beside added_tokens_decoder", MODERNBERT,
     {"special_tokens_map.json": {"pad_token": "[PAD]"}}, ["a[PAD]"]),
    ("special_tokens_map.json wins without added_tokens_decoder", MODERNBERT,
     config(added_tokens_decoder=None) | {"special_tokens_map.json": {"pad_token": "[PAD]"}}, ["a[PAD]"]),
]
REST = [
    ("white space that another token has taken along", MODERNBERT, tokenizer(added_tokens=added(
        MODERNBERT, lambda tokens: tokens.append({"id": 3000, **token("\n", lstrip=True, rstrip=True)}))),
     ["a\n \nb", "\n\n"]),
    ("LlamaTokenizer makes the template anew", MODERNBERT, config(tokenizer_class="LlamaTokenizer"),
     ["京都", ["京都", "歴史"]]),
    ("LlamaTokenizer with add_eos_token", MODERNBERT,
     config(tokenizer_class="LlamaTokenizerFast", add_eos_token=True), ["京都", ["京都", "歴史"]]),
    ("GemmaTokenizer without add_bos_token", MODERNBERT,
     config(tokenizer_class="GemmaTokenizer", add_bos_token=False, add_eos_token=True), ["京都", ["京都", "歴史"]]),
    ("truncation_side wins over tokenizer.json", MODERNBERT, config(truncation_side="right") | tokenizer(
        truncation={"direction": "Left", "max_length": 5, "strategy": "LongestFirst", "stride": 0}), ["京都の歴史"]),
    ("Strip on no side", MODERNBERT,
     tokenizer(normalizer={"type": "Strip", "strip_left": False, "strip_right": False}), ["  ", " a "]),
    ("Strip on the left", MODERNBERT,
     tokenizer(normalizer={"type": "Strip", "strip_left": True, "strip_right": False}), ["  ", " a "]),
]
LINES = ["  a b ", "a\n\n b \r\nc\u0085d\u2028e\n", "x½²_a\u200db é+$、、Ａ１a"]


def replaced(expression: str) -> tuple:
    return (f"Replace {expression}", MODERNBERT,
            tokenizer(normalizer={"type": "Replace", "pattern": {"Regex": expression}, "content": "※"}), LINES)


def split(expression: str, behavior: str) -> tuple:
    return (f"Split {expression} {behavior}", MODERNBERT, tokenizer(pre_tokenizer={
        "type": "Split", "pattern": {"Regex": expression}, "behavior": behavior, "invert": False,
        "prepend_scheme": None, "replacement": None, "split": None}), LINES)


EXPRESSIONS = ["^", "$", "\\s+$", "^\\s+", ".", "\\h+", "\\w+", "[\\w']", "\\W", "\\b", "\\B", "\\A", "\\z", "[[:punct:]]",
               "(?=b)", "a|", "x*?b", "a{0,1}", "(?<=a)b", "(?i)A", "(?i:X|b)", "\\R", "[a-c\\n-]",
               "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+", "\\u0062|\\x{61}", "a++b", "}", "[、。]", "、{2,}",
               ".+", "a.*?b", "^..?", "b|.{2}", "\\p{Punctuation}", "\\p{Separator}+"]
PATTERNS = [replaced(expression) for expression in EXPRESSIONS] + [
    split(expression, behavior) for expression in ("(?=b)", "x*", "\\w+|$")
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")]
# What a normalizer leaves at the beginning of a text decides whether Metaspace's "first" is there.
BEGINNINGS = [" 京都", "京都", "\u3000\u3000京都 a", "\u0001京都", "\u0301京都", "\ufffd京都", "  a", " <mask> a"]
BERT_NORMALIZER = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False, "strip_accents": True,
                   "lowercase": True}


def first(normalizer: dict) -> tuple:
    return (f"Metaspace first after {json.dumps(normalizer)}", MODERNBERT, tokenizer(
        normalizer=normalizer, pre_tokenizer={"type": "Metaspace", "prepend_scheme": "first"}), BEGINNINGS)


FIRST = [first(normalizer) for normalizer in [
    {"type": "Strip", "strip_left": True, "strip_right": True},
    {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": False},
                                         {"type": "Prepend", "prepend": "x"}]},
    {"type": "Nmt"}, {"type": "StripAccents"}, BERT_NORMALIZER,
    {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": ""},
    {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": "x"},
    {"type": "Replace", "pattern": {"Regex": "^"}, "content": "x"}]]
CASES = CLASSES + ADDED + REST + PATTERNS + FIRST


def write_folder(folder: Path, base: str, edits: dict) -> None:
    for name in TOKENIZER_FILES:
        if (GOLDEN / base / name).exists():
            shutil.copy(GOLDEN / base / name, folder / name)
    for name, patch in edits.items():
        path = folder / name
        if patch is None:
            path.unlink()
            continue
        content = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(merge(content, patch), ensure_ascii=False))


def encode(reference, text) -> dict:
    if isinstance(text, str):
        encoded = dict(reference(text))
    else:
        encoded = {key: values[0] for key, values in reference([text[0]], [text[1]]).items()}
    return {"text": text, "input_ids": encoded["input_ids"], "token_type_ids": encoded.get("token_type_ids", [])}


def main() -> None:
    lines = []
    for about, base, edits, texts in CASES:
        with tempfile.TemporaryDirectory() as folder:
            write_folder(Path(folder), base, edits)
            reference = transformers.AutoTokenizer.from_pretrained(folder, use_fast=base != SENTENCEPIECE)
            case = {"about": about, "base": base, "edits": edits, "encodings": [encode(reference, t) for t in texts]}
        lines.append(json.dumps(case, ensure_ascii=False) + "\n")
    (GOLDEN / "tokenizer_cases.jsonl").write_text("".join(lines))


if __name__ == "__main__":
    main()
