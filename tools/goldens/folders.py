"""The random-weight model folders: every row of docs on the family, small, with weights scaled as trained ones."""
from pathlib import Path

import torch

import tokenizers_ja


def randomise(model: torch.nn.Module, seed: int, head: tuple[str, ...] = ("classifier", "out_proj")) -> None:
    """Weights whose activations keep their size, norms and biases that matter, logits that spread."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "norm" in name.lower():
            parameter.data = (1 + 0.2 * noise) if name.endswith("weight") else 0.1 * noise
        elif parameter.ndim == 1:
            parameter.data = 0.1 * noise
        elif "embeddings" in name or "tok_embeddings" in name:
            parameter.data = (0.5 if "word" in name or "tok" in name else 0.2) * noise
        else:
            gain = 1.6 if any(part in name for part in ("query", "key", "Wqkv")) else 1.0
            gain = 2.0 if name.split(".")[-2] in head else gain
            parameter.data = gain * noise / parameter.shape[1] ** 0.5


def xlm_roberta(layers, hidden, heads, positions=514, seed=1, vocabulary=None, base=False):
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification, XLMRobertaModel

    config = XLMRobertaConfig(
        vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=4 * hidden, max_position_embeddings=positions, type_vocab_size=1, layer_norm_eps=1e-5,
        num_labels=1)
    model = XLMRobertaModel(config) if base else XLMRobertaForSequenceClassification(config)
    randomise(model, seed)
    return model


def bert(layers, hidden, heads, vocabulary, seed=2, base=False):
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    config = BertConfig(
        vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=4 * hidden, max_position_embeddings=512, type_vocab_size=2, layer_norm_eps=1e-12, num_labels=1)
    model = BertModel(config) if base else BertForSequenceClassification(config)
    randomise(model, seed)
    return model


def modernbert(layers, hidden, heads, vocabulary, seed=3, base=False, **more):
    from transformers import ModernBertConfig, ModernBertForSequenceClassification, ModernBertModel

    options = dict(
        vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=4 * hidden, max_position_embeddings=8192, norm_eps=1e-5, num_labels=1, pad_token_id=3,
        bos_token_id=1, eos_token_id=2, cls_token_id=6, sep_token_id=4, classifier_pooling="cls")
    config = ModernBertConfig(**(options | more))
    config._attn_implementation = "eager"
    model = ModernBertModel(config) if base else ModernBertForSequenceClassification(config)
    randomise(model, seed, head=("classifier",))
    return model


def build(name: str, data: Path, folder: Path):
    """(model, tokenizer, save options) of a folder."""
    if name.startswith("xlmr") or name in ("embed-e5-base", "embed-bge-m3", "embed-e5-small"):
        slow = tokenizers_ja.xlm_roberta(data, folder)
        tokenizer = slow
        if name != "xlmr-spm-only":
            from transformers import XLMRobertaTokenizerFast

            tokenizer = XLMRobertaTokenizerFast.from_pretrained(_saved(slow, folder))
        size = len(slow)
        if name == "xlmr-xsmall-v1":
            return xlm_roberta(6, 36, 12, vocabulary=size), tokenizer, {}
        if name == "xlmr-small-v1":
            return xlm_roberta(12, 36, 12, vocabulary=size, seed=11), tokenizer, {}
        if name == "xlmr-spm-only":
            return xlm_roberta(2, 40, 4, vocabulary=size, seed=12), tokenizer, {"max_shard_size": "300KB"}
        if name == "xlmr-bge-m3":
            return xlm_roberta(24, 32, 2, positions=8194, vocabulary=size, seed=13), tokenizer, {"dtype": torch.float16}
        if name == "embed-e5-small":
            return bert(12, 36, 12, size, seed=14, base=True), tokenizer, {"dtype": torch.float16}
        if name == "embed-e5-base":
            return xlm_roberta(12, 36, 12, vocabulary=size, seed=15, base=True), tokenizer, {"dtype": torch.float16}
        return xlm_roberta(4, 32, 2, positions=8194, vocabulary=size, seed=16, base=True), tokenizer, {"dtype": torch.bfloat16}
    if name.startswith("bert"):
        if name == "bert-tokenizer-json":
            tokenizer = tokenizers_ja.bert_fast(data, folder)
            return bert(3, 32, 4, len(tokenizer), seed=21), tokenizer, {}
        characters = name == "bert-char-ipadic"
        tokenizer = tokenizers_ja.bert_japanese(
            data, folder, "ipadic" if characters else "unidic_lite", characters, lower=characters)
        shape = {"bert-base-v1": (12, 36, 12), "bert-large-v1": (24, 32, 16), "bert-char-ipadic": (3, 72, 4)}[name]
        dtype = torch.float32 if name == "bert-base-v1" else torch.float16
        return bert(*shape, tokenizer.vocab_size, seed=22), tokenizer, {"dtype": dtype}
    tokenizer = tokenizers_ja.modern_ja(data, folder, llama_form=name in ("modernbert-small-v2", "modernbert-mean-bias"))
    size = len(tokenizer)
    if name == "modernbert-tiny-v2":
        return modernbert(3, 32, 4, size, seed=31), tokenizer, {}
    if name == "modernbert-xsmall-v2":
        return modernbert(10, 32, 4, size, seed=32), tokenizer, {"dtype": torch.bfloat16}
    if name == "modernbert-small-v2":
        return modernbert(13, 36, 6, size, seed=33), tokenizer, {}
    if name == "modernbert-base-v2":
        return modernbert(19, 32, 8, size, seed=34), tokenizer, {"dtype": torch.float16}
    if name == "modernbert-mean-bias":
        model = modernbert(4, 40, 2, size, seed=35, classifier_pooling="mean", attention_bias=True, mlp_bias=True,
                           norm_bias=True, classifier_bias=True, local_attention=16, global_attn_every_n_layers=2)
        model.config.sentence_transformers = {"activation_fn": "torch.nn.modules.linear.Identity"}
        return model, tokenizer, {"max_shard_size": "300KB"}
    if name == "embed-ruri-v3":
        return modernbert(10, 32, 4, size, seed=36, base=True), tokenizer, {}
    raise KeyError(name)


def _saved(slow, folder: Path) -> str:
    slow.save_pretrained(folder)
    return str(folder)


RERANKERS = ["xlmr-xsmall-v1", "xlmr-small-v1", "xlmr-spm-only", "xlmr-bge-m3", "bert-base-v1", "bert-large-v1",
             "bert-char-ipadic", "bert-tokenizer-json", "modernbert-tiny-v2", "modernbert-xsmall-v2",
             "modernbert-small-v2", "modernbert-base-v2", "modernbert-mean-bias"]
EMBEDDERS = ["embed-e5-small", "embed-e5-base", "embed-bge-m3", "embed-ruri-v3", "embed-static"]
WITH_LAYERS = ["xlmr-xsmall-v1", "bert-base-v1", "modernbert-tiny-v2", "modernbert-mean-bias"]
VERSION_5 = ["modernbert-xsmall-v2"]  # made again by transformers 5, for its form of config.json
