"""One peer in one process: loads a model, then runs what each line of stdin asks for (see narabi_worker.cc).

Token ids are ready made and batches are padded and sorted by length before the clock starts, in the peer's favour.
"""
import argparse
import json
import os
import sys
import time

import numpy

from common import ENGINES, OUT, model_folder, read_pairs, spread


class Torch:
    def __init__(self, model: str, precision: str, threads: int):
        import torch
        from prepare import load_torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.module = load_torch(model)
        if precision == "bf16":
            self.module = self.module.to(torch.bfloat16)

    def prepare(self, batch: dict) -> dict:
        return {key: self.torch.from_numpy(value) for key, value in batch.items()}

    def run(self, batches: list, streams: int, each: list) -> list:
        logits = []
        with self.torch.inference_mode():
            for batch in batches:
                start = time.perf_counter()
                logits.append(self.module(**batch).logits.float().flatten().numpy())
                each.append(time.perf_counter() - start)
        return logits


class OnnxRuntime:
    def __init__(self, model: str, precision: str, threads: int):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(OUT / model / f"{precision}.onnx"), options,
                                                    providers=["CPUExecutionProvider"])

    def prepare(self, batch: dict) -> dict:
        return batch

    def run(self, batches: list, streams: int, each: list) -> list:
        logits = []
        for batch in batches:
            start = time.perf_counter()
            logits.append(self.session.run(None, batch)[0].flatten())
            each.append(time.perf_counter() - start)
        return logits


class OpenVino:
    def __init__(self, model: str, precision: str, threads: int):
        import openvino

        self.openvino = openvino
        self.threads = threads
        self.precision = "bf16" if precision == "bf16" else "f32"
        self.core = openvino.Core()
        self.model = self.core.read_model(OUT / model / ("openvino-int8.xml" if precision == "int8" else "openvino.xml"))
        self.compiled = {}
        self.queue(1)

    def queue(self, streams: int):
        if streams not in self.compiled:
            options = {"INFERENCE_PRECISION_HINT": self.precision, "INFERENCE_NUM_THREADS": self.threads,
                       "NUM_STREAMS": streams, "ENABLE_CPU_PINNING": False}
            compiled = self.core.compile_model(self.model, "CPU", options)
            self.compiled[streams] = self.openvino.AsyncInferQueue(compiled, streams)
        return self.compiled[streams]

    def prepare(self, batch: dict) -> dict:
        return batch

    def run(self, batches: list, streams: int, each: list) -> list:
        queue = self.queue(streams)
        logits = [None] * len(batches)

        def keep(request, index):
            logits[index] = request.get_output_tensor(0).data.flatten().copy()

        queue.set_callback(keep)
        for index, batch in enumerate(batches):
            start = time.perf_counter()
            queue.start_async(batch, index)
            if streams == 1:
                queue.wait_all()
            each.append(time.perf_counter() - start)
        queue.wait_all()
        return logits


def make_batches(pairs: list[dict], size: int, pad: int) -> tuple[list[dict], list[int]]:
    order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i]["input_ids"]))
    batches = []
    for begin in range(0, len(order), size):
        ids = [pairs[i]["input_ids"] for i in order[begin:begin + size]]
        input_ids = numpy.full((len(ids), len(ids[0])), pad, numpy.int64)
        mask = numpy.zeros_like(input_ids)
        for row, values in enumerate(ids):
            input_ids[row, :len(values)] = values
            mask[row, :len(values)] = 1
        batches.append({"input_ids": input_ids, "attention_mask": mask})
    return batches, order


def answer(engine, request: dict, pad: int) -> dict:
    pairs = spread(read_pairs(request["workload"]), request["pairs"])
    batches, order = make_batches(pairs, request["batch"], pad)
    batches = [engine.prepare(batch) for batch in batches]
    each = []
    start = time.perf_counter()
    parts = engine.run(batches, request.get("streams", 1), each)
    seconds = time.perf_counter() - start
    logits = [0.0] * len(pairs)
    for index, value in zip(order, numpy.concatenate(parts), strict=True):
        logits[index] = float(value)
    return {"seconds": seconds, "each": each, "logits": logits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the packages print is no answer
    kind, precision = ENGINES[arguments.engine]
    engine = {"torch": Torch, "onnxruntime": OnnxRuntime, "openvino": OpenVino}[kind](
        arguments.model, precision, arguments.threads)
    pad = json.loads((model_folder(arguments.model) / "config.json").read_text()).get("pad_token_id", 0)
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(engine, json.loads(line), pad)), file=out, flush=True)


if __name__ == "__main__":
    main()
