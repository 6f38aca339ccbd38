"""Separate the options of a configuration from those of Lightning's trainer."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

import lightning.pytorch as pl
from scvi.train import Trainer

from scellm._options import checked

Config = TypeVar("Config")
Method = TypeVar("Method", bound=Callable[..., Any])


@cache
def trainer_option_names() -> frozenset[str]:
    """Arguments of Lightning's trainer and of scvi-tools' subclass, except those of scellm's configurations."""
    found = {*inspect.signature(pl.Trainer.__init__).parameters, *inspect.signature(Trainer.__init__).parameters}
    ours = {"self", "args", "kwargs", "max_epochs", "max_steps", "accelerator", "devices"}
    return frozenset(n for n in found - ours if not n.startswith("early_stopping"))


def split_options(
    config_class: type[Config], config: Config | None, options: Mapping[str, Any], owner: str
) -> tuple[Config, dict[str, Any]]:
    """A checked configuration, and options of the trainer.

    Parameters
    ----------
    config_class
        The configuration's class.
    config
        A configuration given by the user; `options` replace its fields.
    options
        Fields of the configuration, and options of :class:`lightning.pytorch.Trainer`.
    owner
        Name of the call, for messages.

    Returns
    -------
    tuple
        The configuration, and the options of the trainer.

    Raises
    ------
    TypeError
        If an option is neither of the two; the message lists similar names.
    ValueError
        If a value is not allowed.
    """
    trainer = {k: v for k, v in options.items() if k in trainer_option_names()}
    own = {k: v for k, v in options.items() if k not in trainer}
    given = {} if config is None else dict(vars(config))
    return checked(config_class, {**given, **own}, owner, trainer_option_names()), trainer


def with_options(config_class: type) -> Callable[[Method], Method]:
    """Show the fields of a configuration in the signature and the docstring of a method that takes them as `**options`.

    Parameters
    ----------
    config_class
        A dataclass with defaults, whose docstring describes its fields.

    Returns
    -------
    Callable
        A decorator. The fields replace `%(options)s` in the docstring; the method itself is unchanged.
    """

    def decorate(method: Method) -> Method:
        signature = inspect.signature(method)
        *own, rest = signature.parameters.values()
        keyword = inspect.Parameter.KEYWORD_ONLY
        shown = [inspect.Parameter(f.name, keyword, default=f.default, annotation=f.type) for f in fields(config_class)]
        rest = rest.replace(name="trainer_options")
        signature = signature.replace(parameters=[*own, *shown, rest])
        method.__signature__ = signature  # type: ignore[attr-defined]  # functions may have one
        text = _parameters_of(config_class)
        method.__doc__ = (method.__doc__ or "").replace("%(options)s", textwrap.indent(text, " " * 8).lstrip())
        return method

    return decorate


def _parameters_of(documented: type) -> str:
    """The section "Parameters" of a numpydoc docstring, without its title."""
    text = inspect.getdoc(documented) or ""
    return text.split("Parameters\n----------\n")[1].split("\n\nRaises\n")[0].strip()
