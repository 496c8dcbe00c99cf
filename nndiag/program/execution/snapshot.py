"""The variables of a program at one moment, copied, so that they can be put back at will."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nndiag.program.execution.copies import (
    duplicated,
    in_double,
    is_long_data,
    objects_in,
    uncopyable,
)
from nndiag.program.execution.iterators import make_repeatable
from nndiag.program.execution.places import (
    MISSING,
    AttributePlace,
    CellPlace,
    GlobalPlace,
    Place,
    Step,
    children,
    follow,
    is_number,
    is_number_array,
    is_number_list,
    walk,
)
from nndiag.program.execution.randomness import random_state, set_random_state
from nndiag.program.execution.views import Views, shared_memory

_DESCRIBED = (property, staticmethod, classmethod)
_ATOMIC = (types.ModuleType, types.FunctionType, types.MethodType, type)


@dataclass(frozen=True)
class Leaf:
    """A number, a list of numbers or an array, at the end of a path.

    Attributes:
        root: Label of the place that the path starts from.
        steps: The steps down from there.
    """

    root: str
    steps: tuple[Step, ...]


@dataclass(eq=False)
class Snapshot:
    """All variables at the head of one iteration.

    Attributes:
        iteration: Which iteration of its loop, from 0.
        places: The variables, by label.
        cells: The cells of the function that the loop stands in, by name; empty at module level.
        values: Their values, copied together so that what was one object stays one.
        random_state: State of `random` and of numpy's global generator.
        refused: Objects that cannot be copied, by identity.
        shared: These, and objects that no iteration changes: put back as they are.
        views: Arrays that share memory.
        uses_random: Whether the random state is put back.
    """

    iteration: int
    places: dict[str, Place]
    cells: dict[str, types.CellType]
    values: list[Any]
    random_state: tuple[Any, Any]
    namespaces: tuple[tuple[dict[str, Any], frozenset[str]], ...]
    is_user: Callable[[Any], bool]
    refused: dict[int, Any] = field(default_factory=dict)
    shared: dict[int, Any] = field(default_factory=dict)
    views: tuple[Views, ...] = ()
    uses_random: bool = True

    def install(self) -> None:
        """Puts copies of all values into their places, and the random state back."""
        for namespace, names in self.namespaces:
            for name in [name for name in namespace if name not in names]:
                del namespace[name]
        copies = duplicated(self.values, self.shared, self.views)
        for place, value in zip(self.places.values(), copies):
            place.set(value)
        if self.uses_random:
            set_random_state(self.random_state)

    def read(self, leaf: Leaf) -> Any:
        """What stands at a leaf now, in the running program.

        Raises:
            LookupError, AttributeError, TypeError: There is no such thing any more.
        """
        return follow(self.places[leaf.root].get(), leaf.steps)

    def original(self, leaf: Leaf) -> Any:
        """The snapshot's own object at a leaf; `MISSING` where there is none."""
        try:
            return follow(self._held[leaf.root], leaf.steps)
        except (LookupError, AttributeError, TypeError):
            return MISSING

    @cached_property
    def _held(self) -> dict[str, Any]:
        return dict(zip(self.places, self.values))

    def leaves(self) -> list[tuple[Leaf, Any]]:
        """Each number, list of numbers and array of the snapshot, once."""
        return self._leaves

    @cached_property
    def _leaves(self) -> list[tuple[Leaf, Any]]:
        return list(self._walked())

    def _walked(self) -> Iterator[tuple[Leaf, Any]]:
        seen: dict[int, Any] = {}
        for root, value in zip(self.places, self.values):
            if value is MISSING:
                continue
            for steps, item in walk(value, (), seen=seen, is_user=_no_closures):
                if is_number(item) or is_number_list(item) or is_number_array(item):
                    yield Leaf(root, steps), item

    def share_unchanged(self, keep: Iterable[Leaf] = ()) -> None:
        """From now on does not copy what the iteration that has just run left as it was.

        Args:
            keep: What is copied all the same, since it will be changed.
        """
        kept = {id(item) for leaf in keep if (item := self.original(leaf)) is not MISSING}
        same = _Same(kept, self.is_user)
        for place, value in zip(self.places.values(), self.values):
            if value is not MISSING:
                same.compare(value, place.get())
        for item in same.unchanged():
            self.shared[id(item)] = item
        inside: dict[int, Any] = {}
        for item in same.unchanged():
            for _ in walk(item, (), seen=inside, is_user=self.is_user):
                pass
        for item in inside.values():
            if isinstance(item, np.ndarray):
                item.flags.writeable = False
        self.views = tuple(
            group
            for group in self.views
            if not all(id(item) in inside or id(item) in self.shared for item in group.arrays)
        )

    def unshare(self) -> None:
        """From now on copies everything again that can be copied."""
        self.shared = dict(self.refused)
        for item in objects_in(self.values, self.is_user):
            if isinstance(item, np.ndarray) and not item.flags.writeable:
                with contextlib.suppress(ValueError):
                    item.flags.writeable = True
        self.views = shared_memory(objects_in(self.values, self.is_user))


class _Same:
    """Compares objects before and after an iteration, and collects what did not change."""

    def __init__(self, kept: set[int], is_user: Callable[[Any], bool]) -> None:
        self._kept = kept
        self._is_user = is_user
        self._known: dict[int, bool] = {}
        self._objects: dict[int, Any] = {}

    def unchanged(self) -> list[Any]:
        """The objects in which nothing changed."""
        return [self._objects[key] for key, same in self._known.items() if same]

    def compare(self, before: Any, after: Any) -> bool:
        """Whether two objects hold the same, all the way down."""
        if is_number(before) or isinstance(before, (str, bytes, bool, type(None))):
            return type(before) is type(after) and bool(before == after)
        if id(before) in self._known:
            return self._known[id(before)]
        self._objects[id(before)] = before
        self._known[id(before)] = False  # for objects that hold themselves
        same = id(before) not in self._kept and type(before) is type(after)
        if same and isinstance(before, np.ndarray) and before.dtype != object:
            same = before.shape == after.shape and np.array_equal(
                before, after, equal_nan=before.dtype.kind == "f"
            )
        elif same:
            same = self._held_alike(before, after)
        self._known[id(before)] = same
        return same

    def _held_alike(self, before: Any, after: Any) -> bool:
        if not isinstance(before, (list, tuple, dict)) and not hasattr(before, "__dict__"):
            return False  # sets, generators and the like are copied to be safe
        if isinstance(before, (list, tuple, dict)) and len(before) != len(after):
            return False
        if isinstance(before, _ATOMIC):
            return False
        first = list(children(before, self._is_user))
        second = list(children(after, self._is_user))
        if [step for step, _ in first] != [step for step, _ in second]:
            return False
        if not first and isinstance(before, (list, tuple, dict)) and len(before) > 0:
            return is_long_data(before) and bool(before == after)
        return all(self.compare(a, b) for (_, a), (_, b) in zip(first, second))


def _no_closures(_: Any) -> bool:
    """Closure variables are places of their own: functions are not looked into."""
    return False


def take_snapshot(
    *,
    iteration: int,
    namespaces: Iterable[dict[str, Any]],
    cells: dict[str, types.CellType],
    is_user: Callable[[Any], bool],
    passing: frozenset[str] = frozenset(),
) -> Snapshot:
    """Copies all that a program can reach at this moment.

    Args:
        iteration: Which iteration of the loop, from 0.
        namespaces: Globals of the program and of its own modules.
        cells: The variables of the function that the loop stands in.
        is_user: Tells functions and classes of the program from those of libraries.
        passing: Variables that loops set: what can be reached without them is.
    """
    spaces = list(namespaces)
    found = list(_places(spaces, cells, is_user))
    places = _labelled(sorted(found, key=lambda place: place.label in passing))
    originals = [place.get() for place in places.values()]
    objects, refused = objects_in(originals, is_user), dict[int, Any]()
    try:
        values = duplicated(originals, in_double(objects), shared_memory(objects))
    except Exception:  # any object of the user's may refuse, in any way
        refused = uncopyable(originals, is_user)
        if make_repeatable(places.values(), refused.values(), is_user):
            originals = [place.get() for place in places.values()]
            refused = uncopyable(originals, is_user)
        objects = objects_in(originals, is_user)
        values = duplicated(originals, refused | in_double(objects), shared_memory(objects))
    shares = bool(shared_memory(objects))
    return Snapshot(
        iteration=iteration,
        places=places,
        cells=cells,
        values=values,
        random_state=random_state(),
        namespaces=tuple((space, frozenset(space)) for space in spaces),
        is_user=is_user,
        refused=refused,
        shared=dict(refused),
        views=shared_memory(objects_in(values, is_user)) if shares else (),
    )


def uncopied(
    *,
    namespaces: Iterable[dict[str, Any]],
    cells: dict[str, types.CellType],
    is_user: Callable[[Any], bool],
    passing: frozenset[str] = frozenset(),
) -> Snapshot:
    """Where a program keeps its variables, to be read as it runs; arguments as `take_snapshot`."""
    spaces = list(namespaces)
    found = sorted(_places(spaces, cells, is_user), key=lambda place: place.label in passing)
    return Snapshot(
        iteration=0,
        places=_labelled(found),
        cells=cells,
        values=[],
        random_state=random_state(),
        namespaces=(),
        is_user=is_user,
    )


@contextlib.contextmanager
def originals_kept(snapshot: Snapshot) -> Iterator[None]:
    """Puts the very objects back that stood in the snapshot's places before."""
    values = [place.get() for place in snapshot.places.values()]
    spaces = [(space, dict(space)) for space, _ in snapshot.namespaces]
    state = random_state()
    try:
        yield
    finally:
        for space, content in spaces:
            space.clear()
            space.update(content)
        for place, value in zip(snapshot.places.values(), values):
            place.set(value)
        set_random_state(state)


def _labelled(places: Iterable[Place]) -> dict[str, Place]:
    """Places by their labels; the second variable of one name is `name#2`."""
    labelled: dict[str, Place] = {}
    counts: dict[str, int] = {}
    for place in places:
        count = counts[place.label] = counts.get(place.label, 0) + 1
        labelled[place.label if count == 1 else f"{place.label}#{count}"] = place
    return labelled


def _places(
    namespaces: list[dict[str, Any]],
    cells: dict[str, types.CellType],
    is_user: Callable[[Any], bool],
) -> Iterator[Place]:
    """The variables of the loop's function, the globals, then closures and class attributes."""
    known: set[int] = set()
    first: list[Place] = [CellPlace(cell, name) for name, cell in cells.items()]
    for space in namespaces:
        first.extend(
            GlobalPlace(space, name)
            for name, value in space.items()
            if not name.startswith("__") and not isinstance(value, (types.ModuleType, type))
        )
    known.update(id(cell) for cell in cells.values())
    yield from first
    seen: dict[int, Any] = {}
    functions: list[Any] = [
        value for space in namespaces for value in space.values() if isinstance(value, type)
    ]
    for place in first:
        value = place.get()
        if value is not MISSING:
            functions.extend(
                item
                for _, item in walk(value, (), seen=seen, is_user=is_user)
                if isinstance(item, types.FunctionType)
            )
            functions.extend(type(item) for item in list(seen.values()) if is_user(type(item)))
    for owner in {id(item): item for item in functions}.values():
        if is_user(owner):
            yield from _own_places(owner, known)


def _own_places(owner: Any, known: set[int]) -> Iterator[Place]:
    """The closure variables of a function and its attributes; the attributes of a class."""
    if isinstance(owner, type):
        for name, value in list(vars(owner).items()):
            if isinstance(value, types.FunctionType):
                yield from _own_places(value, known)
            elif not (name.startswith("__") or callable(value) or isinstance(value, _DESCRIBED)):
                yield AttributePlace(owner, name)
        return
    for name, cell in zip(owner.__code__.co_freevars, owner.__closure__ or ()):
        if id(cell) not in known:
            known.add(id(cell))
            maker = owner.__qualname__.partition(".<locals>")[0]
            yield CellPlace(cell, name, maker if "<locals>" in owner.__qualname__ else "")
    yield from (AttributePlace(owner, name) for name in vars(owner))
