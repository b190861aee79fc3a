"""results.jsonl to the tables of docs/performance.md (between its markers) and docs/performance.svg."""
import argparse
import importlib.metadata
import json
import statistics
import subprocess
from pathlib import Path

from common import ENGINES, MODELS, NAMES, OUT, ROOT, WORKLOADS
from drive import Results

PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- bench/peers: begin -->", "<!-- bench/peers: end -->"
PACKAGES = ("torch", "sentence-transformers", "onnxruntime", "openvino", "nncf")
EMPTY = f"""# Performance

Made by `bench/peers/run.sh`; do not edit between the markers.

{BEGIN}
{END}
"""


def machine() -> str:
    fields = dict(line.split(":", 1) for line in subprocess.run(["lscpu"], capture_output=True, text=True).stdout.splitlines())
    flags = fields.get("Flags", "").split()
    sets = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8") if name in flags]
    family = f"family {fields['CPU family'].strip()} model {fields['Model'].strip()}" if "CPU family" in fields else ""
    return f"{fields.get('Model name', '?').strip()} ({family}), {', '.join(sets)}"


def name_of(engine: str) -> str:
    kind, precision = ENGINES[engine]
    return f"{NAMES[kind]} {precision}"


class Table:
    def __init__(self):
        self.results = Results()
        self.rounds = {}
        for model in MODELS:
            for workload in WORKLOADS:
                for engine in ENGINES:
                    rounds = self.results.all(kind="round", model=model, engine=engine, workload=workload)
                    if rounds:
                        self.rounds[model, workload, engine] = rounds
        self.models = [m for m in MODELS if any(key[0] == m for key in self.rounds)]
        self.engines = [e for e in ENGINES if any(key[2] == e for key in self.rounds)]

    def seconds(self, model: str, workload: str, engine: str) -> float | None:
        rounds = self.rounds.get((model, workload, engine))
        return statistics.median(r["seconds"] for r in rounds) if rounds else None

    def best(self, model: str, workload: str, narabi: bool) -> tuple[float, str] | None:
        found = [(self.seconds(model, workload, e), e) for e in self.engines
                 if (ENGINES[e][0] == "narabi") == narabi and (model, workload, e) in self.rounds]
        return min(found, default=None)

    def difference(self, model: str, engine: str) -> float | None:
        """Largest |logit - f32 torch's| over the pairs of both workloads."""
        reference = json.loads((OUT / model / "reference.json").read_text())
        worst = None
        for workload in ("uniform", "mixed"):
            path = OUT / model / f"scores-{engine}-{workload}.json"
            if path.exists():
                pairs = zip(json.loads(path.read_text()), reference[workload], strict=True)
                worst = max([worst or 0, *(abs(found - expected) for found, expected in pairs)])
        return worst


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def head(cells: list[str]) -> list[str]:
    return [row(cells), row(["---"] * len(cells))]


def speed_table(table: Table) -> list[str]:
    lines = head(["model", "pairs", *(name_of(e) for e in table.engines), "narabi / best peer"])
    for model in table.models:
        for workload in ("uniform", "mixed"):
            best = {side: table.best(model, workload, side) for side in (False, True)}
            cells = []
            for engine in table.engines:
                rounds = table.rounds.get((model, workload, engine))
                if not rounds:
                    cells.append("fails" if table.results.all(kind="failed", model=model, engine=engine) else "")
                    continue
                text = f"{table.seconds(model, workload, engine):.3f}"
                if best[False] and best[False][1] == engine:
                    text = f"**{text}**"
                if ENGINES[engine][0] != "narabi":
                    text += f" ({rounds[0]['batch']}{'x2' if rounds[0]['streams'] == 2 else ''})"
                cells.append(text)
            ratio = f"{best[False][0] / best[True][0]:.2f}x" if all(best.values()) else ""
            lines.append(row([model, workload, *cells, ratio]))
    return lines


def single_table(table: Table) -> list[str]:
    lines = head(["model", *(name_of(e) for e in table.engines), "narabi / best peer"])
    for model in table.models:
        cells, medians = [], {}
        for engine in table.engines:
            rounds = table.rounds.get((model, "single", engine))
            if not rounds:
                cells.append("")
                continue
            each = sorted(value * 1e3 for r in rounds for value in r["each"])
            medians[engine] = statistics.median(each)
            cells.append(f"{medians[engine]:.1f} / {each[(len(each) * 99 - 1) // 100]:.1f}")
        sides = [[m for e, m in medians.items() if (ENGINES[e][0] == "narabi") == narabi] for narabi in (False, True)]
        lines.append(row([model, *cells, f"{min(sides[0]) / min(sides[1]):.2f}x" if all(sides) else ""]))
    return lines


def score_table(table: Table) -> list[str]:
    lines = head(["model", *(name_of(e) for e in table.engines)])
    for model in table.models:
        found = [table.difference(model, engine) for engine in table.engines]
        lines.append(row([model, *("" if d is None else f"{d:.1g}" for d in found)]))
    return lines


def bound_table(table: Table) -> list[str]:
    lines = head(["model", "pairs", "precision", "seconds", "bound", "fraction", "GEMM rate now", "peak memory"])
    for model in table.models:
        for workload in ("uniform", "mixed"):
            for engine in table.engines:
                runs = sorted((r["bench"] for r in table.results.all(kind="bench", model=model, engine=engine, workload=workload)),
                              key=lambda b: b["seconds"])
                if runs:
                    b = runs[len(runs) // 2]
                    lines.append(row([model, workload, b["precision"], f"{b['seconds']:.3f}", f"{b['bound_s']:.3f}",
                                      f"{100 * b['bound_fraction']:.0f}%", f"{b['gemm_gops']:.0f} Gop/s", f"{b['peak_rss_mb']:.0f} MB"]))
    return lines if len(lines) > 2 else []


def failures(table: Table) -> list[str]:
    return [f"- {name_of(r['engine'])} on {r['model']}: {r['reason']}" for r in table.results.all(kind="failed")
            if not any(key[0] == r["model"] and key[2] == r["engine"] for key in table.rounds)]


def page(table: Table) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    rounds = [len(r) for r in table.rounds.values()]
    lines = [f"Machine: {machine()}, 2 pinned cores. {versions}.",
             f"Seconds, medians of {min(rounds)} to {max(rounds)} interleaved rounds, warm; random weights scaled as trained ones.", "",
             "## 100 pairs", "",
             "uniform: 200 tokens each; mixed: log-normal, 40 to 500, mean about 211. The same pairs for all. Peers get ready-made",
             "token ids, batches sorted by length, padded before the clock starts, and their best batch size (in brackets; x2: two",
             "streams of one thread). narabi starts from text: its tokenizer is inside the clock. Bold: the best peer.", "",
             *speed_table(table), "", "![Pairs a second beside the best peer](performance.svg)", "",
             "## One pair at a time", "", "200 tokens, p50 / p99 in milliseconds.", "", *single_table(table), "",
             "## Scores", "", "Largest |logit - logit of torch in f32, one pair at a time| over the 200 pairs.", "", *score_table(table)]
    bound = bound_table(table)
    if bound:
        lines += ["", "## The bound", "", "`narabi bench` in the same rounds (its own texts, of the same lengths).", "", *bound]
    failed = failures(table)
    if failed:
        lines += ["", "## What did not run", "", *failed]
    return "\n".join(lines)


def plot(table: Table, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "narabi"  # the same figures give the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 1, figsize=(10, 7), sharex=True)
    width = 0.8 / max(1, len(table.engines))
    shades = {"torch": "#b8b8b8", "onnxruntime": "#8fb3d9", "openvino": "#5b84b1", "narabi": "#d1495b"}
    for axis, workload in zip(axes, ("uniform", "mixed")):
        for index, engine in enumerate(table.engines):
            kind, precision = ENGINES[engine]
            rates = []
            for model in table.models:
                seconds, best = table.seconds(model, workload, engine), table.best(model, workload, False)
                rates.append(best[0] / seconds if seconds and best else 0)
            places = [m + (index - len(table.engines) / 2 + 0.5) * width for m in range(len(table.models))]
            axis.bar(places, rates, width, label=name_of(engine), color=shades[kind], edgecolor="white",
                     hatch={"f32": "", "bf16": "//", "int8": "xx"}[precision])
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set_ylabel(f"{workload}: speed,\nbest peer = 1")
    axes[1].set_xticks(range(len(table.models)), table.models)
    axes[0].legend(fontsize=7, ncol=4)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    table = Table()
    if not table.rounds:
        raise SystemExit("nothing measured yet: bench/peers/run.sh")
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else EMPTY
    if BEGIN not in text:
        text += f"\n{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN, 1)
    PAGE.write_text(before + BEGIN + "\n" + page(table) + "\n" + END + rest.split(END, 1)[1], encoding="utf-8")
    plot(table, ROOT / "docs/performance.svg")
    print(f"wrote {PAGE} and docs/performance.svg")


if __name__ == "__main__":
    main()
