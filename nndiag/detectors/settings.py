"""Settings of the run that no other fact tells."""

from collections.abc import Mapping

from nndiag.trace import Trace


def optimizer_setting(trace: Trace, name: str) -> float | None:
    """A number in the optimizer's section of the config; None where there is none."""
    value = _setting(trace, "optimizer", name)
    return float(value) if isinstance(value, int | float) else None


def order_of_examples(trace: Trace) -> str | None:
    """How the examples are dealt out to the steps; None where that is not known."""
    value = _setting(trace, "training", "order")
    return value if isinstance(value, str) else None


def in_force(trace: Trace, remedy: str) -> bool:
    """Whether a remedy of the form "section.key=value" is what the config has already."""
    path, _, value = remedy.partition("=")
    node: object = trace.facts.settings
    for key in path.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    name = node.get("name") if isinstance(node, Mapping) else node
    if key == "initializer" and _has_layers_of_its_own(trace):
        return False
    return name is not None and str(name).lower() == value


def _has_layers_of_its_own(trace: Trace) -> bool:
    """Whether some layer starts otherwise than the network says."""
    layers = _setting(trace, "network", "layers")
    own = ("initializer", "weights")
    return isinstance(layers, list) and any(key in layer for layer in layers for key in own)


def _setting(trace: Trace, section: str, name: str) -> object:
    part = trace.facts.settings.get(section)
    return part.get(name) if isinstance(part, dict) else None
