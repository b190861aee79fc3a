"""narabi train beside PyTorch eager: the same model, the same groups, the same cores, by turns; medians of steps.

What narabi does in a step is everything, from reading the groups and tokenizing to AdamW; the peer is given token ids.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build/bench/train"
NARABI = ROOT / "build/release/narabi"
LR, MAX_LENGTH, PASSAGES = 1e-5, 384, 8


def make_groups(count):
    """Groups of a sentence and 8 whole passages of Kyoto."""
    path = OUT / "mined.jsonl"
    if not path.exists():
        OUT.mkdir(parents=True, exist_ok=True)
        subprocess.run([NARABI, "mine", "--corpus", ROOT / "data/kyoto/kyoto-sample.jsonl.xz", "--synthesize", "ict",
                        "--negatives", str(PASSAGES - 1), "--seed", "1", "--output", path], check=True)
    groups = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    groups = [g for g in groups if len(g["pos"]) == 1 and len(g["neg"]) == PASSAGES - 1]
    if len(groups) < count:
        sys.exit(f"{path}: expected {count} groups of {PASSAGES}, found {len(groups)}")
    return groups[:count]


def tokenize(model, groups):
    """Token ids [group][passage], the positive first."""
    pairs = "".join(json.dumps({"query": g["query"], "passage": p}) + "\n" for g in groups for p in g["pos"] + g["neg"])
    done = subprocess.run([NARABI, "tokenize", "--model", model, "--input", "-", "--max-length", str(MAX_LENGTH), "--json"],
                          input=pairs, capture_output=True, text=True, check=True)
    ids = [json.loads(line)["input_ids"] for line in done.stdout.splitlines()]
    return [ids[i:i + PASSAGES] for i in range(0, len(ids), PASSAGES)]


def run(command, text=None):
    """stdout's JSON lines and the peak memory in MB."""
    with tempfile.TemporaryFile("w+") as given:
        given.write(text or "")
        given.seek(0)
        process = subprocess.Popen([str(part) for part in command], stdin=given, stdout=subprocess.PIPE, text=True)
        lines = [json.loads(line) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]}: exit status {status}")
    return lines, usage.ru_maxrss / 1024


def operations(folder, ids):
    """Multiplications and additions a token: GEMMs of the layers and attention, forward and back; nothing recomputed."""
    c = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    hidden, wide = c["hidden_size"], c["intermediate_size"]
    lengths = [len(sequence) for group in ids for sequence in group]
    seen = sum(length * length for length in lengths) / sum(lengths)  # tokens that a token attends to
    return 6 * c["num_hidden_layers"] * (4 * hidden * hidden + 3 * hidden * wide + 2 * seen * hidden)


def narabi_round(args, groups_file):
    config = {"task": "rerank", "output": str(OUT / "narabi"), "model": {"from": str(args.model)},
              "data": {"train": str(groups_file), "max_length": MAX_LENGTH, "group_size": 0},
              "loss": [{"name": "softmax_ce"}, {"name": "bce", "weight": 0.25}],
              "optimizer": {"lr": LR, "warmup": 0, "schedule": "constant"}, "batch": args.batch,
              "micro_batch_tokens": args.micro, "steps": args.steps, "log_every": 1, "device": "cpu",
              "threads": args.threads}
    path = OUT / "narabi.json"  # JSON is YAML
    path.write_text(json.dumps(config), encoding="utf-8")
    lines, memory = run([NARABI, "train", path, "--restart", "--json"])
    return [line for line in lines if "loss" in line], memory


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "models/prototype-modernbert-6l")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=16, help="groups a step")
    parser.add_argument("--micro", type=int, default=4096, help="tokens that go through the model at once")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    groups = make_groups(args.batch * args.steps)
    groups_file = OUT / "groups.jsonl"
    groups_file.write_text("".join(json.dumps(g, ensure_ascii=False) + "\n" for g in groups), encoding="utf-8")
    ids = tokenize(args.model, groups)
    steps = json.dumps([ids[i:i + args.batch] for i in range(0, len(ids), args.batch)])
    options = json.dumps({"threads": args.threads, "lr": LR, "micro_batch_tokens": args.micro})
    rates, memory, gemm, losses = {"narabi": [], "eager": []}, {"narabi": 0, "eager": 0}, [], {}
    for number in range(args.rounds):
        mine, peak = narabi_round(args, groups_file)
        memory["narabi"] = max(memory["narabi"], peak)
        (*peer, last), peak = run([sys.executable, Path(__file__).with_name("peer.py"), args.model, options], steps + "\n")
        memory["eager"] = max(memory["eager"], peak)
        gemm.append(last["gemm_ops_per_s"])
        for name, lines in (("narabi", mine), ("eager", peer)):
            rates[name] += [line["tokens_per_s"] for line in lines[1:]]  # the first warms up
            losses[name] = sum(line["loss"] for line in lines) / len(lines)
        print(f"round {number + 1} of {args.rounds}", file=sys.stderr)
    work, rate = operations(args.model, ids), statistics.median(gemm)
    print(f"{args.model.name}, {args.threads} threads, steps of {args.batch} groups of {PASSAGES}, "
          f"{sum(len(s) for g in ids for s in g) / len(ids) / PASSAGES:.0f} tokens a pair, torch {last['torch']}, "
          f"bf16 GEMM 2048: {rate / 1e9:.0f} Gop/s, medians of {len(rates['narabi'])} steps\n")
    print("| | tokens/s | of the GEMM rate | peak memory, MB | mean loss |\n|---|---|---|---|---|")
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, title in (("narabi", "narabi train"), ("eager", "PyTorch eager, autocast")):
        print(f"| {title} | {medians[name]:.0f} ({min(rates[name]):.0f}-{max(rates[name]):.0f}) | "
              f"{medians[name] * work / rate:.2f} | {memory[name]:.0f} | {losses[name]:.4f} |")
    print(f"\nnarabi is {medians['narabi'] / medians['eager']:.2f} times as fast")


if __name__ == "__main__":
    main()
