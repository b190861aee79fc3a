"""Small tokenizers of exactly the forms that Japanese rerankers come with, trained on Kyoto passages."""
import json
import lzma
import tempfile
from collections import Counter
from pathlib import Path

import sentencepiece

VOCABULARY = 3000


def texts(data: Path, count: int = 6000) -> list[str]:
    with lzma.open(data / "kyoto/kyoto-sample.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line, _ in zip(lines, range(count))]


def train_sentencepiece(data: Path, target: Path, **options) -> None:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts(data)), model_prefix=str(target.with_suffix("")), model_type="unigram",
        vocab_size=VOCABULARY, character_coverage=0.995, num_threads=1, input_sentence_size=0,
        minloglevel=2, **options)
    target.with_suffix(".vocab").unlink()


def xlm_roberta(data: Path, folder: Path):
    """The slow tokenizer over sentencepiece.bpe.model; its fast form is made by transformers itself."""
    from transformers import XLMRobertaTokenizer

    train_sentencepiece(data, folder / "sentencepiece.bpe.model", normalization_rule_name="nmt_nfkc")
    return XLMRobertaTokenizer(str(folder / "sentencepiece.bpe.model"))


def modern_ja(data: Path, folder: Path, llama_form: bool):
    """ids as in sbintuitions/modernbert-ja: 7 specials, 8 reserved, 256 bytes from 15 on; no normaliser."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    specials = ["<s>", "</s>", "<pad>", "<sep>", "<mask>", "<cls>"] + [f"<x{i}>" for i in range(8)]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "spm.model"
        train_sentencepiece(
            data, path, normalization_rule_name="identity", add_dummy_prefix=False, byte_fallback=True,
            split_digits=True, remove_extra_whitespaces=False, unk_id=0, bos_id=1, eos_id=2, pad_id=3,
            user_defined_symbols=["<sep>", "<mask>", "<cls>"] + [f"<x{i}>" for i in range(8)])
        processor = sentencepiece.SentencePieceProcessor(str(path))
        pieces = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    if llama_form:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(" ", "▁")])
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.Split(Regex(r"[。、]"), "merged_with_previous")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never", split=False)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in ["<unk>", *specials]])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> <s>:1 $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
        sep_token="<sep>", cls_token="<cls>", mask_token="<mask>", model_max_length=8192,
        model_input_names=["input_ids", "attention_mask"], clean_up_tokenization_spaces=False)


def bert_japanese(data: Path, folder: Path, dictionary: str, characters: bool, lower: bool):
    from transformers import BertJapaneseTokenizer
    from transformers.models.bert_japanese.tokenization_bert_japanese import MecabTokenizer

    words = Counter()
    mecab = MecabTokenizer(do_lower_case=lower, mecab_dic=dictionary)
    for text in texts(data, 2000):
        words.update(mecab.tokenize(text))
    counts = Counter()
    for word, count in words.items():
        for i, character in enumerate(word):
            counts[character] += count
            if not characters:
                counts["##" + character] += count if i else 0
        if not characters:
            counts[word] += count
            for length in (2, 3):
                if len(word) > length:
                    counts["##" + word[-length:]] += count
                    counts[word[:length]] += count
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary += [token for token, _ in counts.most_common(VOCABULARY - 5)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return BertJapaneseTokenizer(
        str(folder / "vocab.txt"), do_lower_case=lower, word_tokenizer_type="mecab",
        subword_tokenizer_type="character" if characters else "wordpiece", mecab_kwargs={"mecab_dic": dictionary},
        model_max_length=512)


def bert_fast(data: Path, folder: Path):
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizerFast

    trainer = BertWordPieceTokenizer(lowercase=True)
    latin = ["the quick brown fox jumps over a lazy dog", "Wikipedia article about temples in Kyoto, Japan"]
    trainer.train_from_iterator(texts(data, 1500) + latin * 20, vocab_size=VOCABULARY, show_progress=False)
    trainer.save_model(str(folder))
    return BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True, model_max_length=512)
