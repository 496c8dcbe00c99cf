"""The lines of an optimizer for one parameter, and how people get them wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.generated.names import Names
from tests.benchmarks.generated.recipe import Recipe
from tests.benchmarks.generated.spelling import Spelling, grouped
from tests.benchmarks.generated.writing import Alternative

Lines = list[tuple[str, str, Mapping[str, Alternative | list[Alternative]]]]
"""Tag, text, faults."""

WITH_FIRST = {"momentum", "heavy_ball", "averaged", "nesterov", "adam"}
WITH_SECOND = {"adagrad", "rmsprop", "adam"}


@dataclass
class Optimizing:
    """Writes updates; `rate` and the constants are names or numbers, as the author likes.

    Attributes:
        how: "minus" `p -= …`, "plain" `p = p - …`, "slice" `p[...] = p - …`.
        ascent: Whether gradients point the way the parameters go.
        count: The place of the number of steps.
    """

    recipe: Recipe
    names: Names
    ink: Spelling
    how: str
    rate: str
    ascent: bool = False
    count: str = ""

    @classmethod
    def drawn(
        cls, recipe: Recipe, names: Names, ink: Spelling, rng: np.random.Generator
    ) -> Optimizing:
        how = str(rng.choice(["minus", "minus", "plain", "minus", "plain", "slice"]))
        ascent = recipe.optimizer == "sgd" and not recipe.decay and rng.random() < 0.25
        return cls(recipe, names, ink, how, names("rate"), bool(ascent))

    def needs_first(self) -> bool:
        return self.recipe.optimizer in WITH_FIRST

    def needs_second(self) -> bool:
        return self.recipe.optimizer in WITH_SECOND

    def counts(self) -> bool:
        return self.recipe.optimizer == "adam"

    def less(self, p: str, change: str, *, sign: str = "-") -> str:
        """The statement that takes a change off a parameter."""
        if self.how == "minus":
            return f"{p} {sign}= {change}"
        target = f"{p}[...]" if self.how == "slice" else p
        return f"{target} = {p} {sign} {change}"

    def stored(self, state: str, value: str, *, views: bool) -> str:
        """The statement that keeps a state; a loop variable must be written into."""
        return f"{state}[...] = {value}" if views else f"{state} = {value}"

    def lines(
        self,
        p: str,
        g: str,
        first: str,
        second: str,
        *,
        key: str,
        views: bool = False,
        single: bool = True,
    ) -> Lines:
        """The update of one parameter.

        Args:
            key: Makes the tags unique.
            views: Whether the states are loop variables.
            single: Whether only this one of several parameters is changed by these lines.
        """
        out: Lines = []
        kind = self.recipe.optimizer
        if self.recipe.clip:
            c = f"{self.recipe.clip:g}"
            new = f"{g.replace('[', '_').replace(']', '')}" if not views else g
            clipped = f"np.clip({g}, -{c}, {c})"
            target = g if views or "[" not in g else new
            out.append(
                (
                    f"clip {key}",
                    f"{target} = {clipped}",
                    {"clip-tight": f"{target} = np.clip({g}, -0.0002, 0.0002)"},
                )
            )
            g = target
        out += getattr(self, f"_{kind}")(p, g, first, second, key, views, single)
        return out

    def _sgd(
        self, p: str, g: str, first: str, second: str, key: str, views: bool, single: bool
    ) -> Lines:
        lr = self.rate
        ok, bad = ("+", "-") if self.ascent else ("-", "+")
        text = self.less(p, f"{lr} * {grouped(g)}", sign=ok)
        faults: dict[str, Alternative | list[Alternative]] = {
            "update-sign": self.less(p, f"{lr} * {grouped(g)}", sign=bad),
            "rate-twice" if single else "rate-twice?": self.less(
                p, f"{lr} * {lr} * {grouped(g)}", sign=ok
            ),
        }
        if single:
            faults["update-missing"] = None
        return [(f"update {key}", text, faults)]

    def _final(
        self, p: str, change: str, key: str, extra: dict[str, Alternative | list[Alternative]]
    ) -> tuple:
        text = self.less(p, change)
        return (f"update {key}", text, {"update-sign": self.less(p, change, sign="+"), **extra})

    def _momentum(self, p, g, v, second, key, views, single) -> Lines:
        lr, mu = self.rate, self.names("mu")
        keep = self.stored(v, f"{mu} * {v} - {lr} * {grouped(g)}", views=views)
        turned = [self.stored(v, f"{mu} * {v} + {lr} * {grouped(g)}", views=views)]
        if single:
            turned.append(self.stored(v, f"-{mu} * {v} - {lr} * {grouped(g)}", views=views))
        add = self.less(p, v, sign="+")
        return [
            (f"moment {key}", keep, {"momentum-sign": turned[0], **({
                "moment-assigned": self.stored(v, f"-{lr} * {grouped(g)}", views=views)} if single else {})}),
            (f"update {key}", add, {"update-sign": self.less(p, v, sign="-"),
                                    **({"update-missing": None} if single else {})}),
        ]  # fmt: skip

    def _heavy_ball(self, p, g, v, second, key, views, single) -> Lines:
        lr, mu = self.rate, self.names("mu")
        faults: dict[str, Alternative | list[Alternative]] = {
            "momentum-sign": self.stored(v, f"{mu} * {v} - {grouped(g)}", views=views),
        }
        if single:
            faults["moment-assigned"] = self.stored(v, g, views=views)
        return [
            (f"moment {key}", self.stored(v, f"{mu} * {v} + {grouped(g)}", views=views), faults),
            self._final(p, f"{lr} * {v}", key, {"update-missing": None} if single else {}),
        ]

    def _averaged(self, p, g, v, second, key, views, single) -> Lines:
        lr, mu = self.rate, self.names("mu")
        right = f"{mu} * {v} + (1 - {mu}) * {grouped(g)}"
        faults: dict[str, Alternative | list[Alternative]] = {
            "momentum-sign": self.stored(v, f"{mu} * {v} - (1 - {mu}) * {grouped(g)}", views=views),
        }
        if single:
            faults["moment-assigned"] = self.stored(v, f"(1 - {mu}) * {grouped(g)}", views=views)
        return [
            (f"moment {key}", self.stored(v, right, views=views), faults),
            self._final(p, f"{lr} * {v}", key, {"update-missing": None} if single else {}),
        ]

    def _nesterov(self, p, g, v, second, key, views, single) -> Lines:
        lr, mu, old = self.rate, self.names("mu"), self.names("old")
        copy = f"{old} = {v}.copy()" if views else f"{old} = {v}"
        keep = self.stored(v, f"{mu} * {v} - {lr} * {grouped(g)}", views=views)
        turned = self.stored(v, f"{mu} * {v} + {lr} * {grouped(g)}", views=views)
        look = f"(1 + {mu}) * {v} - {mu} * {old}"
        other = f"(1 + {mu}) * {v} + {mu} * {old}"
        return [
            (f"old {key}", copy, {}),
            (f"moment {key}", keep, {"momentum-sign": turned}),
            (f"update {key}", f"{p} += {look}", {"momentum-sign": f"{p} += {other}",
                                                 "update-sign": f"{p} -= {look}",
                                                 **({"update-missing": None} if single else {})}),
        ]  # fmt: skip

    def _adagrad(self, p, g, first, s, key, views, single) -> Lines:
        lr, eps = self.rate, self.names("eps")
        collect = f"{s} += {self.ink.sq(g)}"
        faults: dict[str, Alternative | list[Alternative]] = {
            "moment-without-square": f"{s} += {grouped(g)}",
            "moment-of-absolute": f"{s} += np.abs({g})",
            "square-not-summed": self.stored(s, self.ink.sq(g), views=views),
        }
        change = f"{lr} * {grouped(g)} / (np.sqrt({s}) + {eps})"
        return [
            (f"square {key}", collect, faults),
            self._final(p, change, key,
                        {"root-missing": self.less(p, f"{lr} * {grouped(g)} / ({s} + {eps})"),
                         **({"update-missing": None} if single else {})}),
        ]  # fmt: skip

    def _rmsprop(self, p, g, first, s, key, views, single) -> Lines:
        lr, eps, mu = self.rate, self.names("eps"), self.names("mu")

        def kept(square: str, inertia: str = f"{mu} * {s} + ") -> str:
            return self.stored(s, f"{inertia}(1 - {mu}) * {square}", views=views)

        faults: dict[str, Alternative | list[Alternative]] = {
            "moment-without-square": kept(grouped(g)),
            "moment-of-absolute": kept(f"np.abs({g})"),
            "moment-assigned": kept(self.ink.sq(g), ""),
        }
        change = f"{lr} * {grouped(g)} / (np.sqrt({s}) + {eps})"
        return [
            (f"square {key}", kept(self.ink.sq(g)), faults),
            self._final(p, change, key,
                        {"root-missing": self.less(p, f"{lr} * {grouped(g)} / ({s} + {eps})"),
                         **({"update-missing": None} if single else {})}),
        ]  # fmt: skip

    def _adam(self, p, g, m, v, key, views, single) -> Lines:
        n = self.names
        lr, b1, b2, eps = self.rate, n("beta1"), n("beta2"), n("eps")
        t = self.count or n("t")
        mh, vh = n("mh"), n("vh")
        square = self.ink.sq(g)

        def first(inertia: str = f"{b1} * {m} + ", part: str = f"(1 - {b1})") -> str:
            return self.stored(m, f"{inertia}{part} * {grouped(g)}", views=views)

        def second(sq: str = square, inertia: str = f"{b2} * {v} + ") -> str:
            return self.stored(v, f"{inertia}(1 - {b2}) * {sq}", views=views)

        return [
            (f"moment {key}", first(), {"moment-assigned": first(""),
                                        "wrong-beta": first(f"{b2} * {m} + ")}),
            (f"square {key}", second(), {"moment-without-square": second(grouped(g)),
                                         "moment-of-absolute": second(f"np.abs({g})"),
                                         "moment-assigned": second(inertia=""),
                                         "wrong-beta": second(inertia=f"{b1} * {v} + ")}),
            (f"mean {key}", f"{mh} = {m} / (1 - {b1} ** {t})",
             {"power-missing": f"{mh} = {m} / (1 - {b1})",
              "wrong-beta": f"{mh} = {m} / (1 - {b2} ** {t})"}),
            (f"spread {key}", f"{vh} = {v} / (1 - {b2} ** {t})",
             {"power-missing": f"{vh} = {v} / (1 - {b2})",
              "wrong-beta": f"{vh} = {v} / (1 - {b1} ** {t})"}),
            self._final(p, f"{lr} * {mh} / (np.sqrt({vh}) + {eps})", key,
                        {"root-missing": self.less(p, f"{lr} * {mh} / ({vh} + {eps})"),
                         **({"update-missing": None} if single else {})}),
        ]  # fmt: skip

    def constants(self) -> list[tuple[str, str]]:
        """Names and values of the constants that the updates use."""
        n = self.names
        by_kind = {
            "adam": [(n("beta1"), "0.9"), (n("beta2"), "0.999"), (n("eps"), "1e-8")],
            "adagrad": [(n("eps"), "1e-8")],
            "rmsprop": [(n("mu"), "0.9"), (n("eps"), "1e-8")],
            "sgd": [],
        }
        return by_kind.get(self.recipe.optimizer, [(n("mu"), "0.9")])
