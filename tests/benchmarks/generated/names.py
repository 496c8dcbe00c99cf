"""Ways of naming things: textbook, words, other languages, letters, nonsense, numbers."""

from __future__ import annotations

import keyword
import string

import numpy as np

ENGLISH = {
    "X": "X", "Y": "Y", "W": "W", "b": "b", "z": "z", "a": "a", "out": "y_hat", "loss": "loss",
    "delta": "delta", "dW": "dW", "db": "db", "error": "error", "rate": "lr", "n": "m",
    "epoch": "epoch", "i": "i", "xb": "xb", "yb": "yb", "order": "perm", "size": "batch_size",
    "params": "params", "cache": "cache", "grads": "grads", "forward": "forward",
    "backward": "backward", "update": "update", "train": "train", "Net": "Network",
    "model": "net", "act": "activation", "prime": "activation_prime", "softmax": "softmax",
    "v": "v", "s": "s", "t": "t", "mu": "mu", "beta1": "beta1", "beta2": "beta2", "eps": "eps",
    "history": "losses", "e": "e", "data": "data", "steps": "epochs", "decay": "lam",
    "mask": "mask", "compute_loss": "compute_loss", "rng": "rng", "m": "mom", "g": "g", "p": "p",
    "norm": "norm", "limit": "clip", "batches": "batches", "make": "make_network", "k": "k",
    "exp": "exps", "step": "step", "hidden": "h", "theta": "theta", "layers": "layers",
    "Dense": "Dense", "Act": "Activation", "layer": "layer", "mh": "m_hat", "vh": "v_hat",
    "j": "j", "r": "r", "total": "total", "keep": "keep", "old": "old", "last": "prev",
}  # fmt: skip

VOCABULARIES: dict[str, dict[str, str]] = {
    "textbook": {},
    "words": {
        "X": "inputs", "Y": "targets", "W": "weights_", "b": "bias_", "z": "net_", "a": "act_",
        "out": "prediction", "delta": "delta_", "dW": "grad_weights_", "db": "grad_bias_",
        "error": "error_", "rate": "learning_rate", "n": "num_samples", "i": "start",
        "xb": "x_batch", "yb": "y_batch", "order": "shuffled", "params": "parameters",
        "v": "velocity_", "s": "cache_sq_", "history": "loss_history", "m": "first_moment_",
        "mu": "momentum", "decay": "weight_decay",
    },
    "camel": {
        "X": "trainX", "Y": "trainY", "W": "wLayer", "b": "bLayer", "z": "preAct", "a": "hiddenOut",
        "out": "netOut", "loss": "cost", "delta": "errSignal", "dW": "gradW", "db": "gradB",
        "error": "errBack", "rate": "learnRate", "n": "numRows", "epoch": "iterNum", "xb": "batchX",
        "yb": "batchY", "order": "newOrder", "forward": "feedForward", "backward": "backProp",
        "update": "applyGrads", "train": "fitNet", "Net": "NeuralNet", "v": "veloc", "s": "sqAvg",
        "history": "costLog", "m": "avgGrad", "compute_loss": "getCost", "act": "squash",
        "prime": "squashDeriv",
    },
    "greek": {
        "X": "xi", "Y": "tau", "W": "Omega", "b": "beta_", "z": "zeta", "a": "alpha", "out": "psi",
        "loss": "J", "delta": "delta", "dW": "nabla_Omega", "db": "nabla_beta", "error": "epsilon",
        "rate": "eta", "n": "N", "epoch": "kappa", "xb": "xi_b", "yb": "tau_b", "order": "pi_",
        "v": "nu", "s": "rho", "mu": "mu_", "eps": "tiny", "decay": "lambda_", "m": "mean_",
        "params": "Theta", "act": "phi", "prime": "phi_prime", "t": "tick",
    },
    "german": {
        "X": "eingabe", "Y": "ziel", "W": "gewichte", "b": "schwelle", "z": "netz", "a": "ausgabe",
        "out": "vorhersage", "loss": "verlust", "delta": "fehlersignal", "dW": "grad_gewichte",
        "db": "grad_schwelle", "error": "fehler", "rate": "lernrate", "n": "anzahl",
        "epoch": "durchgang", "i": "anfang", "xb": "teil_x", "yb": "teil_y", "order": "reihenfolge",
        "params": "parameter", "cache": "zwischen", "grads": "gradienten", "forward": "vorwaerts",
        "backward": "rueckwaerts", "update": "anpassen", "train": "trainieren", "Net": "Netzwerk",
        "model": "modell", "act": "aktivierung", "prime": "ableitung", "v": "schwung",
        "s": "quadrate", "history": "verlauf", "m": "mittel", "compute_loss": "berechne_verlust",
        "steps": "durchgaenge", "size": "teilgroesse", "decay": "strafe", "layers": "schichten",
    },
    "french": {
        "X": "entrees", "Y": "cibles", "W": "poids", "b": "biais", "z": "somme", "a": "sortie",
        "out": "prevision", "loss": "cout", "delta": "signal", "dW": "grad_poids",
        "db": "grad_biais", "error": "erreur", "rate": "pas", "n": "taille", "epoch": "tour",
        "i": "debut", "xb": "lot_x", "yb": "lot_y", "order": "ordre", "params": "parametres",
        "grads": "pentes", "forward": "propager", "backward": "retropropager", "update": "corriger",
        "train": "apprendre", "Net": "Reseau", "model": "reseau", "act": "activer",
        "prime": "derivee", "v": "vitesse", "s": "carres", "history": "couts", "m": "moyenne",
        "layers": "couches", "compute_loss": "calculer_cout",
    },
    "spanish": {
        "X": "entradas", "Y": "salidas", "W": "pesos", "b": "sesgo", "z": "suma", "a": "activa",
        "out": "prediccion", "loss": "costo", "delta": "senal", "dW": "grad_pesos",
        "db": "grad_sesgo", "error": "fallo", "rate": "tasa", "n": "cantidad", "epoch": "epoca",
        "xb": "lote_x", "yb": "lote_y", "params": "parametros", "grads": "gradientes",
        "forward": "adelante", "backward": "atras", "update": "actualizar", "train": "entrenar",
        "Net": "Red", "model": "red", "act": "funcion", "prime": "derivada", "v": "velocidad",
        "s": "cuadrados", "history": "costos", "m": "promedio",
    },
    "terse": {
        "X": "X", "Y": "y", "W": "syn", "b": "off", "z": "s", "a": "l", "out": "l_out",
        "loss": "err", "delta": "l_delta", "dW": "gsyn", "db": "goff", "error": "l_error",
        "rate": "alpha", "n": "n", "epoch": "it", "act": "nonlin", "prime": "nonlin_d",
    },
}  # fmt: skip

GENERATED = ("letters", "numbered", "nonsense")


class Names:
    """The names of one program: the same role and layer give the same name, no two share one."""

    def __init__(self, vocabulary: str, rng: np.random.Generator) -> None:
        self._rng = rng
        self._vocabulary = vocabulary
        self._given: dict[str, str] = {}
        self._letters = list(rng.permutation(list(string.ascii_letters.replace("l", ""))))
        self._number = 0

    def __call__(self, role: str, layer: int | None = None) -> str:
        key = role if layer is None else f"{role}{layer}"
        if key not in self._given:
            name = self._new(role, layer)
            while name in self._given.values() or keyword.iskeyword(name) or name in RESERVED:
                name += "_"
            self._given[key] = name
        return self._given[key]

    def _new(self, role: str, layer: int | None) -> str:
        if self._vocabulary == "letters" and self._letters:
            return str(self._letters.pop())
        if self._vocabulary in {"numbered", "letters"}:
            self._number += 1
            return f"q{self._number:02d}"
        if self._vocabulary == "nonsense":
            syllables = self._rng.choice(SYLLABLES, size=int(self._rng.integers(2, 4)))
            return "".join(syllables)
        stem = VOCABULARIES[self._vocabulary].get(role) or ENGLISH.get(role, role)
        return stem if layer is None else f"{stem}{layer}"


SYLLABLES = ("bo", "ki", "ra", "mu", "tel", "zo", "fin", "qua", "sne", "lu", "gri", "pa", "wex")
RESERVED = {"np", "print", "range", "len", "zip", "math", "random", "csv", "sum", "max", "min"}
ALL = (*VOCABULARIES, *GENERATED)
