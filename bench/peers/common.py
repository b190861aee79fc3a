"""Names, places and pairs that the scripts of bench/peers share."""
import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(os.environ.get("NARABI_PEERS_OUT", ROOT / "build/bench/peers"))
BIN = ROOT / "build/release"

MODELS = ["tiny-v2", "xsmall-v1", "xsmall-v2", "small-v1", "small-v2", "base-v1"]
# engine: (kind, precision)
ENGINES = {f"{kind}-{precision}": (kind, precision) for kind, precisions in (
    ("torch", ("f32", "bf16")), ("onnxruntime", ("f32", "int8")), ("openvino", ("f32", "bf16", "int8")),
    ("narabi", ("f32", "bf16", "int8"))) for precision in precisions}
NAMES = {"torch": "sentence-transformers (torch)", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO",
         "narabi": "narabi"}
# workload: pairs of a round. single: one pair at a time, one request each.
WORKLOADS = {"uniform": 100, "mixed": 100, "single": 40}


def pairs_file(workload: str) -> Path:
    return OUT / "pairs" / f"{'uniform' if workload == 'single' else workload}.jsonl"


def read_pairs(workload: str) -> list[dict]:
    return [json.loads(line) for line in pairs_file(workload).read_text(encoding="utf-8").splitlines()]


def spread(items: list, count: int) -> list:
    """`count` of them, evenly spread."""
    return [items[i * len(items) // count] for i in range(count)]


def model_folder(model: str) -> Path:
    return OUT / model / "model"
