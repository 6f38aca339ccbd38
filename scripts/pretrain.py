"""Pretrain the weights that the package ships, and write their files.

    python scripts/pretrain.py DATA/corpus WORK --config scripts/pretrain_bag.toml     # ten minutes on one core
    python benchmarks/weights_report.py --weights WORK/celllm-bag --name celllm-bag --work WORK --out WORK/report
    python scripts/pretrain.py DATA/corpus WORK --config scripts/pretrain_bag.toml --ship

`scripts/pretrain_mini.toml` makes celllm-mini, in an hour. `WORK` is the output folder: the corpus on the package's
genes, checkpoints (an interrupted script, called again, resumes and gives the same weights), the weights of the
initialisation and of each stage, `curves.csv`, `curves.png`, `validation.csv`, and the weights to ship. `--ship` writes
the scores to their model card, and copies card, weights, curves and validation to the package and its docs.
"""

from __future__ import annotations

import argparse
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
from scellm._download import sha256
from scellm.bm import geometry
from scellm.data import Corpus, Thin, build_corpus
from scellm.module import initialize_from_shallower
from scellm.train import contrastive_loss
from scellm.weights import fingerprint, read_weights, write_weights
from scellm.weights._file import WEIGHTS

HERE = Path(__file__).parent
PACKAGE, DOCS = HERE.parent / "src" / "scellm" / "weights", HERE.parent / "docs"
LICENCE = "CC BY 4.0"
MB, MOST_MOVED = 1e6, 1e-2


def main() -> None:
    """Build the corpus, run the stages, validate, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of h5ad files with raw counts and obs['origin']")
    parser.add_argument("work", type=Path, help="folder for all output")
    parser.add_argument("--config", type=Path, default=HERE / "pretrain_bag.toml")
    parser.add_argument("--ship", action="store_true", help="copy the results in WORK to the package and its docs")
    args = parser.parse_args()
    config = tomllib.loads(args.config.read_text())
    if args.ship:
        ship(args.work, config["name"])
        return
    folder = args.work / "corpus"
    corpus = (
        Corpus(folder)
        if (folder / "corpus.json").exists()
        else build_corpus(args.corpus, folder, malignancy_key="origin")
    )
    if corpus.sources != [p.stem for p in sorted(args.corpus.glob("*.h5ad"))]:
        raise SystemExit(
            f"{folder} was built from other files than those of {args.corpus}: {corpus.sources}. Remove it."
        )
    model, curves, validation = run_stages(corpus, config, args.work)
    curves.to_csv(args.work / "curves.csv", float_format="%.5g")
    draw(curves, args.work / "curves.png")
    validation.to_csv(args.work / "validation.csv", index=False, float_format="%.3f")
    file = save(model, corpus, config, args.work / config["name"])
    check_half_precision(model, file, corpus)
    print(validation.round(3).to_string(index=False), f"\n{file}: {file.stat().st_size / MB:.1f} MB")


def run_stages(corpus: Corpus, config: dict, work: Path) -> tuple[scellm.CellLM, pd.DataFrame, pd.DataFrame]:
    """Run each stage from the weights of the one before; losses per step, and scores on held-out cells."""
    train, validation = corpus.split(config["validation_size"], config["seed"])
    model, before, curves, found = None, None, [], []
    for name, stage in config["stage"].items():
        # set again, so that a run that is interrupted between stages gives the same weights
        scvi.settings.seed = config["seed"]
        model = scellm.CellLM.without_data(**config["model"], **stage["model"])
        if before is None:
            initialize(model, corpus, train, stage["pretrain"]["source_power"], config["seed"])
            model.save_pretrained(work / "pca_initialisation")
            found.append({"stage": "PCA initialisation", **validate(model, corpus, validation, None)})
        else:
            initialize_from_shallower(model.module, before.module)
        checkpoint = work / f"{name}-{fingerprint(model.module.state_dict())[:8]}.pt"  # for these initial weights only
        options = {**stage["pretrain"], "view": Thin(*stage["pretrain"]["view"])}
        model.pretrain(corpus=corpus, indices=train, checkpoint=checkpoint, **options)
        model.save_pretrained(work / name)
        shown = stage["name"]
        found.append({"stage": shown, **validate(model, corpus, validation, stage["pretrain"]["temperature"])})
        losses = [t for k, t in model.history.items() if k.startswith("pretrain_")]
        curves.append(pd.concat(losses, axis=1).assign(stage=shown))
        before = model
    if model is None:
        raise SystemExit("The config has no [stage.NAME].")
    return model, pd.concat(curves), pd.DataFrame(found)


def initialize(
    model: scellm.CellLM, corpus: Corpus, rows: np.ndarray, power: float, seed: int, cells: int = 20_000
) -> None:
    """Initialise the pooling as pretraining would, so that the initial weights can be saved."""
    sample = corpus.sample(cells, indices=rows, power=power, seed=seed)
    model.module.cell_encoder.pooling.initialize(corpus.tokens(sample, model.binning), seed)
    model.is_trained_ = True


@torch.inference_mode()
def validate(
    model: scellm.CellLM, corpus: Corpus, rows: np.ndarray, temperature: float | None, batch: int = 256
) -> dict[str, float]:
    """Contrastive loss, alignment and uniformity on held-out cells, in batches.

    Alignment and uniformity (Wang and Isola 2020) are computed on the complete embeddings of two thinned views. The
    loss is computed after the projection head, and left out until that is trained.
    """
    module = model.module.eval()
    rows = np.random.default_rng(0).permutation(rows)
    parts = [np.sort(rows[i : i + batch]) for i in range(0, len(rows) - batch + 1, batch)]
    pairs = [[module.embed(corpus.tokens(p, model.binning, Thin(), key)) for key in (1, 2)] for p in parts]
    first, second = (normalize(torch.cat([pair[i] for pair in pairs]), dim=1) for i in range(2))
    losses = [
        float(contrastive_loss(module.project(a), module.project(b), temperature, symmetric=True))
        for a, b in (pairs if temperature else [])
    ]
    return {
        "contrastive loss": float(np.mean(losses)) if losses else np.nan,
        "alignment of two views": float((first - second).pow(2).sum(1).mean()),
        "uniformity": geometry(first.numpy())["uniformity"],
    }


def draw(curves: pd.DataFrame, file: Path) -> None:
    """Plot losses over steps, with one panel per objective of a stage."""
    parts = {
        n: [p for p in ("contrastive", "masked", "malignancy") if f"pretrain_{p}" in t.dropna(axis=1, how="all")]
        for n, t in curves.groupby("stage", sort=False)
    }
    panels = [(stage, part) for stage, named in parts.items() for part in named]
    figure, axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 2.8), layout="constrained", squeeze=False)
    for ax, (stage, part) in zip(axes[0], panels, strict=True):
        column = curves.loc[curves["stage"] == stage, f"pretrain_{part}"]
        ax.plot(column, lw=0.6, alpha=0.5)
        ax.plot(column.rolling(20, min_periods=1).mean(), color="C0")
        ax.set(title=f"{stage}: {part}", xlabel="step", ylabel="loss")
    figure.savefig(file, dpi=130)
    plt.close(figure)


def save(model: scellm.CellLM, corpus: Corpus, config: dict, folder: Path) -> Path:
    """Save the weights with their model card."""
    held_out = len(corpus.split(config["validation_size"], config["seed"])[1])
    model.save_pretrained(
        folder,
        dtype="float16",
        name=config["name"],
        licence=LICENCE,
        recipe=config,
        data={
            "cells": len(corpus) - held_out,
            "sources": [
                {k: s[k] for k in ("name", "cells", "source", "licence") if k in s} for s in corpus.card["sources"]
            ],
        },
        note="Not for clinical use. The training data keep the licences named with them; '?' is not documented.",
        citation="Zhao, Zhang and Nie 2023, arXiv:2306.04371 (the method); scellm (these weights)",
    )
    return folder / WEIGHTS


@torch.inference_mode()
def check_half_precision(model: scellm.CellLM, file: Path, corpus: Corpus) -> None:
    """Stop if half precision changes a cell embedding by too much of its length."""
    cells = corpus.tokens(np.arange(0, len(corpus), len(corpus) // 500), model.binning)
    a, b = (m.module.eval().embed(cells) for m in (model, scellm.CellLM.from_pretrained(file)))
    moved = float(((a - b).norm(dim=1) / a.norm(dim=1)).max())
    print(f"float16 changes an embedding by {moved:.1e} of its length at most")
    if moved > MOST_MOVED:
        raise SystemExit(f"That is more than {MOST_MOVED}: store them in float32.")


def ship(work: Path, name: str) -> None:
    """Copy weights with scores, their entry, curves and validation to the package and its docs."""
    state, card = read_weights(work / name)
    card |= {"metrics": scores(work / "report" / "scores.csv", fingerprint(state), name)}
    file = shutil.copyfile(write_weights(work / name, state, card), PACKAGE / f"{name}.safetensors")
    registry, shape, data = PACKAGE / "weights.json", card["model"], card["data"]
    blocks = (
        f"{shape['depth']} blocks of width {shape['dim']}" if shape["depth"] else "A bag of genes, without attention"
    )
    described = f"{blocks}, pretrained on {data['cells']:,} human cells and nuclei of {len(data['sources'])} sources."
    entry = {
        "file": file.name,
        "sha256": sha256(file),
        "size": file.stat().st_size,
        "licence": LICENCE,
        "description": described,
    }
    registry.write_text(json.dumps({**json.loads(registry.read_text()), name: entry}, indent=2) + "\n")
    (DOCS / "_static").mkdir(exist_ok=True)
    for made in ("curves.png", "curves.csv"):
        shutil.copyfile(work / made, DOCS / "_static" / f"pretraining_{name}_{made}")
    table = pd.read_csv(work / "validation.csv", dtype=str, keep_default_na=False)
    lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    page = DOCS / "user_guide" / f"_weights_validation_{name}.md"
    page.write_text("".join(f"| {' | '.join(line)} |\n" for line in lines))


def scores(file: Path, made_of: str, name: str) -> dict[str, float]:
    """Macro-F1 of each task, from a report on exactly these weights."""
    table = pd.read_csv(file).query("method == @name").drop_duplicates("task")
    if set(table["weights"]) != {made_of}:
        raise SystemExit(f"{file} is about other weights. Run benchmarks/weights_report.py again.")
    return dict(zip(table["task"], table["mean"].round(4), strict=True))


if __name__ == "__main__":
    main()
