"""Reads CloudFormation YAML: a tag such as !Sub becomes the long form, {"Fn::Sub": …}."""

from pathlib import Path

import yaml


class _Loader(yaml.SafeLoader):
    """A safe loader of its own, so that the tags do not leak into yaml's."""


def _intrinsic(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _intrinsic)


def load(path: Path) -> dict:
    """The template at `path`, with its intrinsic functions in their long form."""
    # _Loader is a SafeLoader: it makes plain values only.
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
