"""Hooks of torch: who is told when a script goes backward, makes a step or draws a batch."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch

from nndiag.program.execution.attributes import replaced

_COMPILER = "torch._dynamo"


class Observer(Protocol):
    """Who is told."""

    def before_backward(self, tensor: Any) -> None:
        """Before a backward pass from a tensor."""

    def after_backward(self) -> None:
        """Behind it."""

    def created(self, optimizer: Any) -> None:
        """When an optimizer is made."""

    def before_step(self, optimizer: Any, *, closure: bool) -> None:
        """Before an optimizer makes a step; whether that calls a closure."""

    def after_step(self, optimizer: Any) -> None:
        """Behind it."""

    def applied(self, kind: Any, arguments: Any, result: Any) -> None:
        """Behind a custom function."""

    def drew(self, loader: Any, batch: Any) -> None:
        """When a loader gives a batch."""

    def evaluated(self, module: Any) -> None:
        """When a module that differs between modes runs in training mode without gradients."""

    def fed(self, arguments: Any) -> None:
        """When a module is called without gradients, or in evaluation mode."""

    def compiled(self) -> None:
        """When a module or a function is to be compiled."""

    def scaled(self, loss: Any, result: Any) -> None:
        """When a loss is scaled for mixed precision."""

    def scheduled(self) -> None:
        """When a schedule of learning rates makes a step."""

    def clipped(self, norm: float) -> None:
        """When gradients are clipped to a norm."""


@contextlib.contextmanager
def hooked(observer: Observer, *, shift: int) -> Iterator[None]:
    """Torch with an observer, and with other seeds.

    Args:
        observer: Who is told.
        shift: What is added to seeds.
    """
    from torch.optim import optimizer as optimizers  # noqa: PLC0415

    handles = [
        optimizers.register_optimizer_step_pre_hook(_stepped(observer)),
        optimizers.register_optimizer_step_post_hook(lambda o, *_: observer.after_step(o)),
    ]
    torch.set_num_threads(1)  # repeatable, and small networks gain nothing from more
    real_seed, precision = torch.manual_seed, torch.get_default_dtype()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_without_compiler())

        def put(owner: Any, name: str, other: Any) -> None:
            stack.enter_context(replaced(owner, name, other))

        put(torch.Tensor, "backward", _backward(torch.Tensor.backward, observer))
        put(torch.optim.Optimizer, "__init__", _created(observer))
        put(torch, "compile", _uncompiled(observer))
        put(torch, "manual_seed", lambda seed: real_seed(int(seed) + shift))
        put(torch.utils.data.DataLoader, "__iter__", _drawn(observer))
        put(torch.autograd.Function, "apply", _applied(observer))
        put(torch.nn.utils, "clip_grad_norm_", _clipped(torch.nn.utils.clip_grad_norm_, observer))
        scaler = torch.amp.grad_scaler.GradScaler
        put(scaler, "scale", _scaled(scaler.scale, observer))
        put(torch.nn.Module, "__call__", _fed(torch.nn.Module.__call__, observer))
        for kind in _schedulers():
            put(kind, "step", _scheduled(kind.step, observer))
        for kind in _mode_kinds():
            put(kind, "forward", _evaluated(kind.forward, observer))
        real_seed(shift)
        try:
            yield
        finally:
            torch.set_default_dtype(precision)
            for handle in handles:
                handle.remove()


class _NoCompiler(types.ModuleType):
    """Stands for torch's compiler, which optimizers import and which takes seconds to import.

    They only tell it what not to compile; here nothing is. Whoever wants more gets the real one.
    """

    def graph_break(self, *_: Any, **__: Any) -> None:
        """Do nothing: there is no graph."""

    def disable(self, function: Any = None, *_: Any, **__: Any) -> Any:
        """The function itself."""
        return (lambda other: other) if function is None else function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        sys.modules.pop(_COMPILER, None)
        return getattr(importlib.import_module(_COMPILER), name)


@contextlib.contextmanager
def _without_compiler() -> Iterator[None]:
    """Let optimizers work without importing torch's compiler."""
    if _COMPILER in sys.modules:
        yield
        return
    stub = sys.modules[_COMPILER] = torch._dynamo = _NoCompiler(_COMPILER)
    try:
        yield
    finally:
        if sys.modules.get(_COMPILER) is stub:
            del sys.modules[_COMPILER]
            del torch._dynamo


def _stepped(observer: Observer) -> Callable[..., None]:
    def stepped(optimizer: Any, args: Any, options: Any) -> None:
        given = [*args[1:], *options.values()]  # the optimizer is the first
        observer.before_step(optimizer, closure=any(x is not None for x in given))

    return stepped


def _backward(real: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    inside = False

    def backward(tensor: Any, *args: Any, **options: Any) -> Any:
        nonlocal inside
        if inside:  # a mode of functions hands it on to itself
            return real(tensor, *args, **options)
        observer.before_backward(tensor)
        inside = True
        try:
            result = real(tensor, *args, **options)
        finally:
            inside = False
        observer.after_backward()
        return result

    return backward


def _created(observer: Observer) -> Callable[..., Any]:
    real = torch.optim.Optimizer.__init__

    def created(optimizer: Any, *args: Any, **options: Any) -> None:
        real(optimizer, *args, **options)
        observer.created(optimizer)

    return created


def _uncompiled(observer: Observer) -> Callable[..., Any]:
    """Stands for `torch.compile`: the same mathematics, operation by operation."""

    def uncompiled(model: Any = None, **_: Any) -> Any:
        observer.compiled()
        return (lambda function: function) if model is None else model

    return uncompiled


def _drawn(observer: Observer) -> Callable[..., Any]:
    real = torch.utils.data.DataLoader.__iter__

    def batches(loader: Any) -> Any:
        loader.num_workers = 0  # processes of their own are not watched
        for batch in real(loader):
            observer.drew(loader, batch)
            yield batch

    return batches


def _applied(observer: Observer) -> Any:
    real = torch.autograd.Function.apply.__func__

    def apply(kind: Any, *arguments: Any, **options: Any) -> Any:
        result = real(kind, *arguments, **options)
        observer.applied(kind, arguments, result)
        return result

    return classmethod(apply)


def _clipped(real: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    def clip(parameters: Any, max_norm: Any, *rest: Any, **options: Any) -> Any:
        observer.clipped(float(max_norm))
        return real(parameters, max_norm, *rest, **options)

    return clip


def _scaled(real: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    def scale(scaler: Any, outputs: Any) -> Any:
        result = real(scaler, outputs)
        if isinstance(outputs, torch.Tensor) and scaler.is_enabled():
            observer.scaled(outputs, result)
        return result

    return scale


def _schedulers() -> list[Any]:
    """The kinds of schedules that step by themselves."""
    kinds = vars(torch.optim.lr_scheduler).values()
    return [kind for kind in kinds if isinstance(kind, type) and "step" in vars(kind)]


def _scheduled(real: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    def step(schedule: Any, *args: Any, **options: Any) -> Any:
        result = real(schedule, *args, **options)
        observer.scheduled()
        return result

    return step


def _mode_kinds() -> list[Any]:
    """The modules that compute something else in training than in evaluation."""
    nn = torch.nn
    return [
        *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout),
        torch.nn.modules.batchnorm._BatchNorm,
    ]


def _fed(real: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    inside = False

    def call(module: Any, *args: Any, **options: Any) -> Any:
        nonlocal inside
        if inside or (module.training and torch.is_grad_enabled()):
            return real(module, *args, **options)
        observer.fed(args)
        inside = True
        try:
            return real(module, *args, **options)
        finally:
            inside = False

    return call


def _evaluated(real: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
    def forward(module: Any, *args: Any, **options: Any) -> Any:
        if module.training and not torch.is_grad_enabled():
            observer.evaluated(module)
        return real(module, *args, **options)

    return forward
