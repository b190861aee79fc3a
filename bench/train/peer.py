"""The same training step in PyTorch eager: autocast to bf16, sequences laid end to end without padding, attention
length by length, AdamW fused, clipping. Started by run.py."""
import json
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Packed:
    """Sequences sorted by length, so that equal lengths make one attention."""

    def __init__(self, sequences):
        order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
        self.ids = torch.tensor([token for i in order for token in sequences[i]])
        self.positions = torch.cat([torch.arange(len(sequences[i])) for i in order])
        self.runs = []  # [sequences, length]
        begin, first = 0, [0] * len(sequences)
        for i in order:
            first[i] = begin
            begin += len(sequences[i])
            if not self.runs or self.runs[-1][1] != len(sequences[i]):
                self.runs.append([0, len(sequences[i])])
            self.runs[-1][0] += 1
        self.first = torch.tensor(first)


class ModernBert(torch.nn.Module):
    """All layers global, no biases: the form of the prototype and of recipes/*.json."""

    def __init__(self, folder):
        super().__init__()
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        assert set(self.config["layer_types"]) == {"full_attention"} and not self.config["norm_bias"]
        self.weights = torch.nn.ParameterDict(
            {name.replace(".", "/"): torch.nn.Parameter(value.float())
             for name, value in load_file(folder / "model.safetensors").items()})

    def weight(self, name):
        return self.weights[name.replace(".", "/") + "/weight"]

    def norm(self, name, x):
        return F.layer_norm(x, (x.shape[-1],), self.weight(name), None, self.config["norm_eps"])

    def attend(self, layer, x, batch, cosine, sine):
        heads = self.config["num_attention_heads"]
        q, k, v = F.linear(x, self.weight(layer + "attn.Wqkv")).view(len(x), 3, heads, -1).unbind(1)

        def turn(y):
            a, b = y.float().chunk(2, -1)
            return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1).to(y.dtype)

        q, k = turn(q), turn(k)
        sizes = [count * length for count, length in batch.runs]
        parts = []
        for (count, length), *qkv in zip(batch.runs, q.split(sizes), k.split(sizes), v.split(sizes)):
            q_, k_, v_ = (y.view(count, length, heads, -1).transpose(1, 2) for y in qkv)
            parts.append(F.scaled_dot_product_attention(q_, k_, v_).transpose(1, 2).reshape(count * length, -1))
        return F.linear(torch.cat(parts), self.weight(layer + "attn.Wo"))

    def forward(self, batch):
        size = self.config["hidden_size"] // self.config["num_attention_heads"]
        frequency = self.config["global_rope_theta"] ** -(torch.arange(0, size, 2) / size)
        angle = batch.positions[:, None, None] * frequency
        cosine, sine = angle.cos(), angle.sin()
        x = self.norm("model.embeddings.norm", F.embedding(batch.ids, self.weight("model.embeddings.tok_embeddings")))
        for i in range(self.config["num_hidden_layers"]):
            layer = f"model.layers.{i}."
            x = x + self.attend(layer, self.norm(layer + "attn_norm", x) if i else x, batch, cosine, sine)
            wide, gate = F.linear(self.norm(layer + "mlp_norm", x), self.weight(layer + "mlp.Wi")).chunk(2, -1)
            x = x + F.linear(F.gelu(wide) * gate, self.weight(layer + "mlp.Wo"))
        x = self.norm("model.final_norm", x).index_select(0, batch.first)
        x = self.norm("head.norm", F.gelu(F.linear(x, self.weight("head.dense"))))
        return F.linear(x, self.weight("classifier"), self.weights["classifier/bias"]).squeeze(1)


class Trainer:
    def __init__(self, folder, options):
        self.model = ModernBert(folder)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=options["lr"], weight_decay=0.01, fused=True)
        self.options = options

    def step(self, groups):
        """groups: lists of sequences, the positive first. As many groups at once as micro_batch_tokens allows."""
        parts, tokens = [[]], 0
        for group in groups:
            size = sum(map(len, group))
            if parts[-1] and tokens + size > self.options["micro_batch_tokens"]:
                parts.append([])
                tokens = 0
            parts[-1].append(group)
            tokens += size
        total = 0.0
        for part in parts:
            with torch.autocast("cpu", torch.bfloat16):
                logits = self.model(Packed([sequence for group in part for sequence in group]))
            rows = logits.float().view(len(part), -1)
            target = torch.zeros_like(rows)
            target[:, 0] = 1
            loss = F.cross_entropy(rows, torch.zeros(len(part), dtype=torch.long), reduction="sum")
            loss = loss + 0.25 * F.binary_cross_entropy_with_logits(rows, target, reduction="none").mean(1).sum()
            (loss / len(groups)).backward()
            total += loss.item() / len(groups)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total, norm.item()


def gemm_rate(size=2048, repeats=15):
    """bf16 GEMM through torch, operations a second, median."""
    a, b = (torch.randn(size, size).bfloat16() for _ in range(2))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - begin)
    return 2 * size ** 3 / sorted(times)[repeats // 2]


def main():
    """argv: folder, options as JSON. stdin: one line of JSON, the steps' groups; stdout: a line of figures a step."""
    from pathlib import Path
    options = json.loads(sys.argv[2])
    torch.set_num_threads(options["threads"])
    trainer = Trainer(Path(sys.argv[1]), options)
    for groups in json.loads(sys.stdin.readline()):
        begin = time.perf_counter()
        loss, norm = trainer.step(groups)
        seconds = time.perf_counter() - begin
        tokens = sum(len(sequence) for group in groups for sequence in group)
        print(json.dumps({"loss": loss, "grad_norm": norm, "tokens_per_s": tokens / seconds}), flush=True)
    print(json.dumps({"gemm_ops_per_s": gemm_rate(), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
