"""Everything that is not timed: folders of random weights, pairs of exact lengths, the peers' own formats, and the
f32 scores to compare with. What is there already is kept."""
import argparse
import json
import lzma
import math
import random
import subprocess

from common import BIN, MODELS, OUT, ROOT, model_folder, pairs_file, read_pairs

CALIBRATION_PAIRS = 32


def write_folder(model: str) -> None:
    folder = model_folder(model)
    if not (folder / "model.safetensors").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([BIN / "bench/random_folder", model, folder], check=True)


def lengths(workload: str, count: int, generator: random.Random) -> list[int]:
    """All 200, or log-normal between 40 and 500 with a mean of about 211: those of `narabi bench`."""
    if workload == "uniform":
        return [200] * count
    drawn = []
    while len(drawn) < count:
        length = int(math.exp(generator.gauss(5.22, 0.52)))
        if 40 <= length <= 500:
            drawn.append(length)
    return drawn


def make_pairs(workload: str, count: int = 100) -> None:
    """Real questions and passages, cut so that a pair has exactly the tokens wanted, without truncation."""
    from tokenizers import Tokenizer

    if pairs_file(workload).exists():
        return
    tokenizer = Tokenizer.from_file(str(ROOT / "models/prototype-modernbert-6l/tokenizer.json"))
    with lzma.open(ROOT / "data/kyoto/kyoto-sample.jsonl.xz", "rt", encoding="utf-8") as lines:
        text = "".join(json.loads(line)["text"] for line in lines)
    squad = json.loads(lzma.open(ROOT / "data/jsquad/jsquad-valid-v1.3.json.xz", "rt", encoding="utf-8").read())["data"]
    questions = [article["paragraphs"][0]["qas"][0]["question"] for article in squad]
    generator = random.Random(1)
    records = []
    for length in lengths(workload, count, generator):
        record = None
        while record is None:
            question = generator.choice(questions)[:24]
            begin = generator.randrange(len(text) - 4000)
            whole = tokenizer.encode(question, text[begin:begin + 6 * length])
            # The last token of the passage that still fits, one place being the end token's.
            passage = text[begin:begin + whole.offsets[length - 2][1]]
            ids = tokenizer.encode(question, passage).ids
            if len(ids) == length:
                record = {"query": question, "passage": passage, "input_ids": ids}
        records.append(record)
    pairs_file(workload).parent.mkdir(parents=True, exist_ok=True)
    pairs_file(workload).write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")


def check_ids(model: str) -> None:
    """narabi makes the very ids of its text that the peers are given."""
    for workload in ("uniform", "mixed"):
        done = subprocess.run([BIN / "narabi", "tokenize", "--model", model_folder(model), "--input", pairs_file(workload)],
                              capture_output=True, text=True, check=True)
        for line, pair in zip(done.stdout.splitlines(), read_pairs(workload), strict=True):
            if json.loads(line)["input_ids"] != pair["input_ids"]:
                raise SystemExit(f"{model}, {workload}: narabi's ids differ from those of the tokenizers package")


def load_torch(model: str, attention: str = "sdpa"):
    """The module inside sentence-transformers' CrossEncoder."""
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(model_folder(model)), device="cpu", max_length=512,
                        model_kwargs={"attn_implementation": attention}).model.eval()


def reference_scores(model: str) -> None:
    """f32, one pair at a time, without padding."""
    import torch

    path = OUT / model / "reference.json"
    if path.exists():
        return
    module = load_torch(model)
    scores = {}
    with torch.inference_mode():
        for workload in ("uniform", "mixed"):
            scores[workload] = [module(input_ids=torch.tensor([pair["input_ids"]])).logits.item()
                                for pair in read_pairs(workload)]
    path.write_text(json.dumps(scores))


def example(count: int = 4):
    import numpy

    ids = [pair["input_ids"] for pair in read_pairs("mixed")[:count]]
    longest = max(map(len, ids))
    input_ids, mask = numpy.zeros((count, longest), numpy.int64), numpy.zeros((count, longest), numpy.int64)
    for row, values in enumerate(ids):
        input_ids[row, :len(values)] = values
        mask[row, :len(values)] = 1
    return {"input_ids": input_ids, "attention_mask": mask}


def export_onnx(model: str) -> None:
    """f32 with the transformer optimizer's fusions where they keep the scores, and dynamic int8 of it."""
    import torch

    plain, f32, int8 = (OUT / model / f"{name}.onnx" for name in ("plain", "f32", "int8"))
    if int8.exists():
        return
    inputs = {key: torch.from_numpy(value) for key, value in example().items()}
    dynamic = {0: "batch", 1: "tokens"}
    # Eager attention is the form that ONNX Runtime's optimizer fuses.
    torch.onnx.export(load_torch(model, "eager"), (), str(plain), kwargs=inputs, input_names=list(inputs), output_names=["logits"],
                      dynamic_axes={"input_ids": dynamic, "attention_mask": dynamic, "logits": {0: "batch"}},
                      opset_version=18, dynamo=False)
    fuse(model, plain, f32)
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(f32, int8, weight_type=QuantType.QInt8, per_channel=True,
                     extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})  # fused nodes have no inferred type


def fuse(model: str, plain, f32) -> None:
    import numpy
    import onnxruntime
    from onnxruntime.transformers import optimizer

    config = json.loads((model_folder(model) / "config.json").read_text())
    inputs = example()
    run = lambda path: onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, inputs)[0]
    try:
        fused = optimizer.optimize_model(str(plain), model_type="bert", num_heads=config["num_attention_heads"],
                                         hidden_size=config["hidden_size"], opt_level=1)
        fused.save_model_to_file(str(f32))
        if numpy.abs(run(f32) - run(plain)).max() < 1e-3:
            counts = {name: count for name, count in fused.get_fused_operator_statistics().items() if count}
            print(f"{model}: ONNX fusions {counts}", flush=True)
            return
        print(f"{model}: ONNX fusions change the scores; the plain graph is used", flush=True)
    except Exception as error:  # not every graph can be optimised; the plain one is the peer then
        print(f"{model}: no ONNX fusions: {type(error).__name__}: {error}", flush=True)
    f32.write_bytes(plain.read_bytes())


def export_openvino(model: str) -> None:
    import openvino
    import torch

    f32, int8 = OUT / model / "openvino.xml", OUT / model / "openvino-int8.xml"
    if not f32.exists():
        inputs = {key: torch.from_numpy(value) for key, value in example().items()}
        openvino.save_model(openvino.convert_model(load_torch(model), example_input=inputs), f32, compress_to_fp16=False)
    if int8.exists():
        return
    import nncf

    pairs = read_pairs("mixed")[:CALIBRATION_PAIRS]
    row = lambda pair: {"input_ids": [pair["input_ids"]], "attention_mask": [[1] * len(pair["input_ids"])]}
    quantised = nncf.quantize(openvino.Core().read_model(f32), nncf.Dataset(pairs, row),
                              model_type=nncf.ModelType.TRANSFORMER, subset_size=len(pairs))
    openvino.save_model(quantised, int8, compress_to_fp16=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--engines", nargs="*", default=["torch", "onnxruntime", "openvino", "narabi"])
    arguments = parser.parse_args()
    for workload in ("uniform", "mixed"):
        make_pairs(workload)
    for model in arguments.models:
        write_folder(model)
        check_ids(model)
        reference_scores(model)
        for engine, export in (("onnxruntime", export_onnx), ("openvino", export_openvino)):
            if any(name.startswith(engine) for name in arguments.engines):
                try:
                    export(model)
                except Exception as error:  # one peer less; the driver reports it as failed
                    print(f"{model}: {export.__name__}: {type(error).__name__}: {error}", flush=True)
        print(f"{model}: prepared", flush=True)


if __name__ == "__main__":
    main()
