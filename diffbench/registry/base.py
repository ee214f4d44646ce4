"""Registries: the names a user may write, and how each is turned into an object.

A registered thing is a builder (a function or a class) whose keyword-only
parameters are its hyperparameters; every one of them has a default. The registry
checks a request against that signature before anything is built, so that a wrong
name or parameter costs a line on the terminal and not an hour of training.

Other packages join through entry points (group `diffbench.families` and so on):
their names are listed without importing them, and each is imported when it is
first asked for.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any, Generic, TypeVar

from diffbench import notebook
from diffbench.registry.entry import Entry
from diffbench.spec import JsonObject, Parameter, Parameters, Spec

T = TypeVar("T", covariant=True)


# Names stand in lists with commas, on command lines and in file names.
_NAME = re.compile(r"[^\W\d_][\w.+-]*")


class PluginError(ValueError):
    """A part from outside the package broke its contract; the message names it, in one line."""

    def __init__(self, message: str):
        super().__init__(" ".join(line.strip() for line in message.splitlines()))


# Called where a part takes the place of another of its name.
_forgetting: list[Callable[[], None]] = []


def when_replaced(forget: Callable[[], None]) -> None:
    """Has a cache of what was built from parts emptied whenever a part of this session is replaced."""
    _forgetting.append(forget)


# Set while a plug-in is imported: what it registers is then known to be its own.
_origin: tuple[str, str | None] | None = None


@contextlib.contextmanager
def plugin_origin(origin: str, digest: str | None = None) -> Iterator[None]:
    """Marks all that is registered inside the block as belonging to `origin`."""
    global _origin
    before, _origin = _origin, (origin, digest)
    try:
        yield
    finally:
        _origin = before


@contextlib.contextmanager
def _shipped_origin() -> Iterator[None]:
    """Marks what is registered inside the block as shipped, also while a plug-in is imported."""
    global _origin
    before, _origin = _origin, None
    try:
        yield
    finally:
        _origin = before


class Registry(Generic[T]):
    """Named builders of one kind of thing.

    Example:
      >>> SAMPLERS = Registry("sampler", group="diffbench.samplers")
      >>> @SAMPLERS.register("ancestral")
      ... def ancestral(*, steps: int = 500): ...
    """

    def __init__(self, kind: str, group: str | None = None, home: str | None = None, *, traced: bool = False):
        """Creates an empty registry.

        Args:
          kind: Singular noun used in messages, such as "sampler".
          group: Entry-point group in which other packages announce theirs.
          home: Package whose modules register the shipped parts; they are imported at the
            first look-up.
          traced: Whether parts are built inside a Haiku transform alone, as modules are.
        """
        self.kind = kind
        self.group = group
        self._traced = traced
        self._home = home
        self._entries: dict[str, Entry[T]] = {}

    def register(
        self, name: str, *, later: tuple[str, ...] = ()
    ) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Returns a decorator that registers a builder under `name`.

        Args:
          name: What it is called.
          later: Hyperparameters that it got after it was released; see `Entry`.

        Raises:
          TypeError: If the name is none, as where the decorator stands without one.
          ValueError: If the name is taken, a hyperparameter has no default, or `later` names none.
        """
        if not isinstance(name, str):
            like = getattr(name, "__name__", type(name).__name__).lower()
            raise TypeError(
                f"register needs the name of the {self.kind}, such as register({like!r}); got {name!r}"
            )
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"the name of a {self.kind} must be letters, digits, '_', '-', '+' or '.', a letter first;"
                f" got {name!r}"
            )

        def decorate(build: Callable[..., T]) -> Callable[..., T]:
            origin, digest = _origin or (None, None)
            if origin is None and (digest := notebook.digest_of(build)) is not None:
                origin = notebook.ORIGIN
            if origin is not None:
                # A clash of names is then the plug-in's fault, whichever came first.
                self._find_shipped()
            entry = Entry(build, origin, digest, later)
            known = self._entries.get(name)
            if known is not None and known.origin == origin == notebook.ORIGIN:
                # A cell of a notebook that runs again: nothing of the old part may stand for the new.
                for forget in _forgetting:
                    forget()
            elif known is not None:
                owner = known.origin or "diffbench"
                raise ValueError(f"{self.kind} {name!r} is already registered by {owner}")
            bare = [k for k, v in entry.defaults.items() if v is inspect.Parameter.empty]
            if bare:
                raise ValueError(
                    f"{self.kind} {name!r}: every keyword-only parameter needs a default;"
                    f" got none for {', '.join(bare)}"
                )
            none = [k for k in later if k not in entry.defaults]
            if none:
                raise ValueError(f"{self.kind} {name!r}: later must name parameters; got {', '.join(none)}")
            self._entries[name] = entry
            return build

        return decorate

    def _find_shipped(self) -> None:
        """Imports the modules of the registry's home, once."""
        home, self._home = self._home, None
        if home is None:
            return
        with _shipped_origin():
            package = importlib.import_module(home)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{home}.{module.name}")

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Has what is registered in this block go with it; the shipped parts are found first, and stay."""
        self._find_shipped()
        before = dict(self._entries)
        try:
            yield
        finally:
            self._entries = before

    def announced(self) -> dict[str, str]:
        """Returns the names that other packages announce, with where each points.

        Nothing is imported.
        """
        if self.group is None:
            return {}
        points = metadata.entry_points(group=self.group)
        return {point.name: point.value for point in points}

    def loaded(self) -> tuple[str, ...]:
        """Returns the shipped names and those of plug-ins that are imported already, sorted."""
        self._find_shipped()
        return tuple(sorted(self._entries))

    def names(self) -> tuple[str, ...]:
        """Returns every known name, sorted, without importing any plug-in."""
        self._find_shipped()
        return tuple(sorted({*self._entries, *self.announced()}))

    def entry(self, name: str) -> Entry[T]:
        """Returns the entry of a name, importing the package that announces it.

        Raises:
          ValueError: If the name is unknown; the message lists the known ones.
          PluginError: If the announcing package fails to import or to register it.
        """
        self._find_shipped()
        if name not in self._entries and name in self.announced():
            self._load(name)
        if name not in self._entries:
            raise ValueError(f"unknown {self.kind} {name!r}; known: {', '.join(self.names())}")
        return self._entries[name]

    def _load(self, name: str) -> None:
        points = tuple(metadata.entry_points(group=self.group or "", name=name))
        if len(points) > 1:
            owners = " and ".join(repr(point.value) for point in points)
            raise PluginError(f"{self.kind} {name!r} is announced by {owners}; keep one of them")
        point = points[0]
        try:
            with plugin_origin(point.value):
                point.load()
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"the plug-in {point.value!r}, which announces {self.kind} {name!r},"
                f" fails on import: {type(error).__name__}: {error}"
            ) from error
        if name not in self._entries:
            raise PluginError(
                f"the plug-in {point.value!r} announces {self.kind} {name!r} and registers no such name"
            )

    def complete(self, name: str, params: Parameters | None = None) -> dict[str, Parameter]:
        """Returns all hyperparameters of a part: those given over the defaults.

        Raises:
          ValueError: If the name is unknown or takes no such parameter.
        """
        defaults = self.entry(name).defaults
        for key in params or {}:
            if key not in defaults:
                takes = ", ".join(defaults) or "none"
                raise ValueError(f"{self.kind} {name!r} takes no {key!r}; it takes: {takes}")
        return {**defaults, **self.entry(name).in_one_form(params or {})}

    def build(self, name: str, /, *args: object, **params: Parameter) -> T:
        """Builds the named part.

        Args:
          name: A registered or announced name.
          *args: What the kind's contract passes by position (families: the network
            and the process).
          **params: Hyperparameters; those left out take their defaults.

        Raises:
          ValueError: If the name, a parameter or a value is wrong.
          PluginError: If the builder returns nothing.
        """
        built = self.entry(name).build(*args, **self.complete(name, params))
        if built is None:
            owner = self.entry(name).origin or "diffbench"
            raise PluginError(
                f"{self.kind} {name!r} of {owner}: its builder must return a {self.kind}; got None"
            )
        return built

    def from_spec(self, spec: Spec, /, *args: object) -> T:
        """Builds the part of a specification; see `build`.

        Args:
          spec: {"name", "params"}; what else is in it, such as a version, is not looked at.
          *args: What the kind's contract passes by position.

        Raises:
          ValueError: If the name, a parameter or a value is wrong.
        """
        return self.build(spec["name"], *args, **spec["params"])

    def spec_of(self, name: str, params: Parameters | None = None, built: Any = None) -> JsonObject:
        """Returns a part as it stands in records: all parameters, its version, its file's digest.

        Args:
          name: A registered or announced name.
          params: Hyperparameters; those left out take their defaults.
          built: What the builder made of them, where it was asked already.

        Raises:
          ValueError: If the name, a parameter or a value is wrong.
        """
        full = self.complete(name, params)
        version = self.version_of(name, full) if built is None else built.version
        entry = self.entry(name)
        spec: JsonObject = {"name": name, "params": entry.as_recorded(full), "version": version}
        digest = entry.digest
        return {**spec, "plugin": digest} if digest else spec

    def version_of(self, name: str, params: Parameters | None = None) -> int:
        """Returns the version of a part: an attribute of its class, or else of what is built.

        Where nobody has given a module one, it is 1.

        Raises:
          ValueError: If the name, a parameter or a value is wrong.
        """
        part: Any = self.entry(name).build
        if not hasattr(part, "version") and not self._traced:
            part = self.build(name, **(params or {}))
        return getattr(part, "version", 1)
