"""Pretrain `celllm-mini` and write the files that the package ships.

    python scripts/pretrain_mini.py DATA/corpus WORK                      # about 75 minutes on 2 cores
    python scripts/pretrain_mini.py DATA/corpus WORK --ship

`WORK` gets the corpus on the package's genes, a checkpoint every few steps (stop the script at any point and call it again: it goes on
to the same weights), the weights of the start and of each stage, `curves.csv` and `curves.png`, `validation.json`, and the weights to
ship. With `--ship` they go where the package looks, with their entry in `weights.json`, and curves and validation to the docs; run
`benchmarks/weights_report.py --weights WORK/celllm-mini --work WORK --out WORK/report` before, and the card holds the scores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scvi
import torch
from torch.nn.functional import normalize

import scellm
from scellm.data import VIEWS, Corpus, Tokens, build_corpus
from scellm.data._dataset import tokens_of
from scellm.pp._tokenize import Binning
from scellm.train import contrastive_loss, deepen, start_linear

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "src" / "scellm" / "model"
DOCS = HERE.parent / "docs"
NAME = "celllm-mini"
MB = 1e6


def main() -> None:
    """Corpus, pretraining, validation, files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of h5ad files with raw counts and obs['origin']")
    parser.add_argument("work", type=Path, help="folder for all that is made")
    parser.add_argument("--config", type=Path, default=HERE / "pretrain_mini.toml")
    parser.add_argument("--ship", action="store_true", help="write the package's files too")
    args = parser.parse_args()
    config = tomllib.loads(args.config.read_text())
    scvi.settings.seed = config["seed"]
    corpus = open_corpus(args.corpus, args.work / "corpus")
    train, validation = corpus.split(config["validation_size"], config["seed"])
    start = linear_start(corpus, train, config)
    start.save_pretrained(args.work / "linear")
    found = {"linear start": validate(start, corpus, validation)}
    model, tables = None, []
    for name, stage in config["stage"].items():
        model = pretrain(
            model, {**config["model"], **stage["model"]}, corpus, train, args.work / f"{name}.pt", stage["pretrain"]
        )
        model.save_pretrained(args.work / name)
        found[name] = validate(model, corpus, validation)
        tables.append(
            pd.concat([t for k, t in model.history.items() if k.startswith("pretrain_")], axis=1).assign(stage=name)
        )
    (args.work / "validation.json").write_text(json.dumps(found, indent=2))
    curves = pd.concat(tables)
    curves.to_csv(args.work / "curves.csv", float_format="%.5g")
    draw(curves, args.work / "curves.png")
    file = save(model, corpus, config, found, args.work / NAME)
    print(f"float16 moves a vector by {moved(model, file, corpus, validation):.1e} of its length at most")
    print(pd.DataFrame(found).round(3).to_string(), f"\n{file}: {file.stat().st_size / MB:.1f} MB")
    if args.ship:
        ship(file, args.work)


def open_corpus(source: Path, folder: Path) -> Corpus:
    """The corpus, built unless it is there."""
    return Corpus(folder) if (folder / "corpus.json").exists() else build_corpus(source, folder)


def pretrain(
    shallow: scellm.CellLM | None, shape: dict, corpus: Corpus, rows: np.ndarray, checkpoint: Path, options: dict
) -> scellm.CellLM:
    """One stage, from the weights of the stage before it."""
    model = scellm.CellLM.without_data(**shape)
    if shallow is not None:
        deepen(model.module, shallow.module)
    model.pretrain(corpus=corpus, indices=rows, checkpoint=checkpoint, **options)
    return model


def linear_start(corpus: Corpus, rows: np.ndarray, config: dict) -> scellm.CellLM:
    """The model as pretraining begins: nothing but components of the corpus."""
    model = scellm.CellLM.without_data(**config["model"], depth=0)
    some = np.sort(np.random.default_rng(config["seed"]).permutation(rows)[:20_000])
    start_linear(model.module.pooling, tokens(corpus, some), config["seed"])
    model.is_trained_ = True
    return model


def tokens(corpus: Corpus, rows: np.ndarray, view: str = "identity", key: int = 0) -> Tokens:
    """Tokens of cells in one view."""
    batch = tokens_of(VIEWS[view](corpus.counts(rows), key), Binning())
    return Tokens.of({k: torch.from_numpy(v) for k, v in batch.items()})


@torch.inference_mode()
def validate(model: scellm.CellLM, corpus: Corpus, rows: np.ndarray, batch: int = 256) -> dict[str, float]:
    """Contrastive loss on cells that pretraining does not see, and the two numbers it trades (Wang and Isola 2020)."""
    module = model.module.eval()
    rows = np.random.default_rng(0).permutation(rows)
    parts = [np.sort(rows[i : i + batch]) for i in range(0, len(rows) - batch + 1, batch)]
    pairs = [[normalize(module.cells(tokens(corpus, p, "thin", key)), dim=1) for key in (1, 2)] for p in parts]
    return {
        "contrastive": float(np.mean([float(contrastive_loss(a, b, 0.2, symmetric=True)) for a, b in pairs])),
        "alignment": float(np.mean([float((a - b).pow(2).sum(1).mean()) for a, b in pairs])),
        "uniformity": float(np.mean([float(torch.pdist(a).pow(2).mul(-2).exp().mean().log()) for a, _ in pairs])),
    }


def draw(curves: pd.DataFrame, file: Path) -> None:
    """Losses over steps."""
    parts = ["contrastive", "masked", "origin"]
    panels = [
        (n, p)
        for n in curves["stage"].unique()
        for p in parts
        if f"pretrain_{p}" in curves[curves["stage"] == n].dropna(axis=1)
    ]
    _, axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 2.8), layout="constrained")
    for ax, (stage, part) in zip(axes, panels, strict=True):
        column = curves.loc[curves["stage"] == stage, f"pretrain_{part}"]
        ax.plot(column, lw=0.6, alpha=0.5)
        ax.plot(column.rolling(20, min_periods=1).mean(), color="C0")
        ax.set(title=f"{stage}: {part}", xlabel="step", ylabel="loss")
    plt.savefig(file, dpi=130)
    plt.close()


def save(model: scellm.CellLM, corpus: Corpus, config: dict, found: dict, folder: Path) -> Path:
    """The weights with their card."""
    model.save_pretrained(
        folder, dtype="float16", name=NAME, licence="CC BY 4.0", recipe=config, validation=found,
        data=[{k: s[k] for k in ("name", "cells", "source", "licence") if k in s} for s in corpus.card["sources"]],
        note="Not for clinical use. The training data keep the licences that are named with them; '?' is one that is not documented.",
        citation="Zhao, Zhang and Nie 2023, arXiv:2306.04371 (the method); scellm (these weights)", metrics=scores(folder.parent),
    )  # fmt: skip
    return folder / "weights.safetensors"


def scores(work: Path) -> dict[str, float]:
    """Macro-F1 of each task of benchmarks/weights_report.py, if it was run with `--work WORK --out WORK/report`."""
    file = work / "report" / "scores.csv"
    if not file.exists():
        return {}
    table = pd.read_csv(file).query("contender == @NAME").drop_duplicates("task")
    return dict(zip(table["task"], table["mean"].round(4), strict=True))


@torch.inference_mode()
def moved(model: scellm.CellLM, file: Path, corpus: Corpus, rows: np.ndarray) -> float:
    """Largest change of a cell's vector by storing the weights in half precision, relative to its length."""
    cells = tokens(corpus, np.sort(rows[:500]))
    a, b = (m.module.eval().cells(cells) for m in (model, scellm.CellLM.from_pretrained(file)))
    return float(((a - b).norm(dim=1) / a.norm(dim=1)).max())


def ship(file: Path, work: Path) -> None:
    """Put weights, entry, curves and validation where the package and its docs look for them."""
    shutil.copyfile(file, PACKAGE / f"{NAME}.safetensors")
    (DOCS / "_static").mkdir(exist_ok=True)
    shutil.copyfile(work / "curves.png", DOCS / "_static" / "pretraining_curves.png")
    shutil.copyfile(work / "curves.csv", DOCS / "_static" / "pretraining_curves.csv")
    found = pd.DataFrame(json.loads((work / "validation.json").read_text()))
    lines = [["", *found.columns], ["---"] * (found.shape[1] + 1)]
    lines += [[str(name), *(f"{v:.3f}" for v in row)] for name, row in zip(found.index, found.to_numpy(), strict=True)]
    (DOCS / "user_guide" / "_weights_validation.md").write_text("".join(f"| {' | '.join(line)} |\n" for line in lines))
    registry = PACKAGE / "weights.json"
    entries = json.loads(registry.read_text())
    entries[NAME] = {
        "file": f"{NAME}.safetensors",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "size": file.stat().st_size,
        "licence": "CC BY 4.0",
        "description": "2 blocks of width 128, pretrained on 77,806 human cells and nuclei of 21 sources. In the package.",
    }
    registry.write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main()
