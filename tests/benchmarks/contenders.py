"""The works A to F by other libraries, as a person writes them: PyTorch eager, JAX jit + scan.

Each records what nndiag records: the loss and each layer's gradient norm at every step.
"""

import numpy as np

from tests.benchmarks.works import work


def torch_of(subject):
    """Last loss of a work, trained with PyTorch."""
    import torch  # noqa: PLC0415 (where it is installed)

    torch.set_num_threads(1)
    functions = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda z: z}
    x, y = torch.from_numpy(subject.x), torch.from_numpy(subject.y)
    weights = [torch.tensor(w, requires_grad=True) for w in subject.weights]
    biases = [torch.tensor(b, requires_grad=True) for b in subject.biases or []]
    losses, norms = [], []
    for step in range(subject.steps):
        rows = slice(None) if subject.rows is None else subject.rows[step]
        a = x[rows]
        for layer, name in enumerate(subject.activations):
            z = a @ weights[layer]
            a = functions[name](z + biases[layer] if biases else z)
        loss = ((a - y[rows]) ** 2).mean()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            layers = zip(weights, biases, strict=True) if biases else zip(weights, strict=True)
            norms.append([sum((p.grad**2).sum() for p in layer).sqrt().item() for layer in layers])
            for parameter in (*weights, *biases):
                parameter.sub_(subject.rate * parameter.grad)
                parameter.grad = None
    return losses[-1]


def _jax_training(subject):
    """A function (rates) → losses of a work, compiled by JAX, and its arguments."""
    import jax  # noqa: PLC0415 (where it is installed)
    import jax.numpy as jnp  # noqa: PLC0415

    jax.config.update("jax_enable_x64", True)
    functions = {"tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "linear": lambda z: z}
    x, y = jnp.asarray(subject.x), jnp.asarray(subject.y)
    biases = subject.biases or [np.zeros(0)] * len(subject.weights)
    start = [(jnp.asarray(w), jnp.asarray(b)) for w, b in zip(subject.weights, biases, strict=True)]

    def loss_of(layers, a, target):
        for (w, b), name in zip(layers, subject.activations, strict=True):
            a = functions[name](a @ w + b if subject.biases else a @ w)
        return jnp.mean((a - target) ** 2)

    def step(rate, layers, rows):
        a, target = (x, y) if rows is None else (x[rows], y[rows])
        loss, gradient = jax.value_and_grad(loss_of)(layers, a, target)
        norms = jnp.stack([jnp.sqrt((w**2).sum() + (b**2).sum()) for w, b in gradient])
        return jax.tree.map(lambda p, g: p - rate * g, layers, gradient), (loss, norms)

    def train(rate):
        whole = subject.rows is None
        rows = None if whole else jnp.asarray(subject.rows)
        count = subject.steps if whole else None
        return jax.lax.scan(lambda p, r: step(rate, p, r), start, rows, length=count)[1]

    return jax, train


def jax_of(subject):
    """Last loss of a work, trained with JAX; what it compiled is kept for the next call."""
    if id(subject) not in _COMPILED:
        jax, train = _jax_training(subject)
        _COMPILED[id(subject)] = jax.jit(train)
    return float(np.asarray(_COMPILED[id(subject)](subject.rate)[0])[-1])


def jax_sweep():
    """Work F by one vmap over its rates."""
    subject = work("A")
    if "F" not in _COMPILED:
        subject = type(subject)(**{**vars(subject), "steps": 1000})
        jax, train = _jax_training(subject)
        _COMPILED["F"] = jax.jit(jax.vmap(train))
    return float(np.asarray(_COMPILED["F"](np.geomspace(1e-3, 1.0, 64))[0])[0, -1])


_COMPILED = {}
