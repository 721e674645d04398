"""The eight ports of a run: what the outside world must offer, under the names and callbacks of `CrucibleTrain.Ports`.

An adapter is any object with a port's methods; it keeps its own settings, so there is no `adapter_opts`. Where Elixir
answers `{:ok, value}` or `{:error, reason}`, Python returns the value or raises. `await` is a keyword in Python: the
callback is called `await_`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeAlias

from crucible_runtime.errors import PortError

Session: TypeAlias = Any
"""What an adapter's `start_session` returned; only that adapter looks inside."""
Future: TypeAlias = Any
"""A result that is under way; the adapter's `await_` turns it into the result."""
Dataset: TypeAlias = Any
Collection: TypeAlias = Any
Message: TypeAlias = Mapping[str, Any]
"""One turn of a conversation: `{"role": "user", "content": "..."}`."""


class TrainingClient(Protocol):
    """Computes gradients and applies them."""

    def start_session(self, config: Any) -> Session:
        """A session that trains what `config` (a TrainingConfig) describes."""
        ...

    def forward_backward(self, session: Session, datums: Sequence[Any], **options: Any) -> Future:
        """Accumulates the gradients of `datums`; the awaited mapping holds `metrics`."""
        ...

    def forward_backward_custom(
        self,
        session: Session,
        datums: Sequence[Any],
        loss: Callable[[Sequence[Any], Sequence[Any]], tuple[Any, Mapping[str, Any]]],
        **options: Any,
    ) -> Future:
        """The same with the caller's own loss: datums and their logprobs in, loss and metrics out."""
        ...

    def optim_step(self, session: Session, learning_rate: float) -> Future:
        """Applies the accumulated gradients."""
        ...

    def await_(self, future: Future) -> Mapping[str, Any]:
        """The result of a future, when it is there."""
        ...

    def save_checkpoint(self, session: Session, path: str) -> None:
        """Writes the session's state to `path`."""
        ...

    def load_checkpoint(self, session: Session, path: str) -> None:
        """Reads the session's state from `path`."""
        ...

    def close_session(self, session: Session) -> None:
        """Gives back what the session holds."""
        ...


class SamplingClient(Protocol):
    """Asks a model for text."""

    def start_session(self, config: Any) -> Session:
        """A session with the model that `config` describes."""
        ...

    def sample(self, session: Session, prompt: Sequence[Message], params: Mapping[str, Any], **options: Any) -> Future:
        """Starts a sample; the awaited mapping holds `sequences`, a list of `{"text": ..., "stop_reason": ...}`."""
        ...

    def sample_stream(
        self, session: Session, prompt: Sequence[Message], params: Mapping[str, Any], **options: Any
    ) -> Iterator[Any]:
        """The same, piece by piece."""
        ...

    def compute_logprobs(self, session: Session, prompt: Sequence[Message], **options: Any) -> Future:
        """Starts computing the log-probabilities of a prompt's tokens."""
        ...

    def await_(self, future: Future) -> Mapping[str, Any]:
        """The result of a future, when it is there."""
        ...

    def close_session(self, session: Session) -> None:
        """Gives back what the session holds."""
        ...


class DatasetStore(Protocol):
    """Finds data sets and cuts them."""

    def load_dataset(self, name: str, **options: Any) -> Dataset:
        """The data set of that name."""
        ...

    def get_split(self, dataset: Dataset, split: str) -> Dataset:
        """One split of a data set."""
        ...

    def select(self, dataset: Dataset, indices: Sequence[int]) -> Dataset:
        """The rows at `indices` (a range will do)."""
        ...

    def shuffle(self, dataset: Dataset, **options: Any) -> Dataset:
        """The rows in another order; `seed` makes it the same order each time."""
        ...

    def skip(self, dataset: Dataset, count: int) -> Dataset:
        """All but the first `count` rows."""
        ...

    def take(self, dataset: Dataset, count: int) -> Dataset:
        """The first `count` rows."""
        ...

    def to_list(self, dataset: Dataset) -> list[Mapping[str, Any]]:
        """Every row."""
        ...


class BlobStore(Protocol):
    """Reads and writes files, wherever they are."""

    def read(self, path: str) -> bytes:
        """All bytes of a blob."""
        ...

    def stream(self, path: str) -> Iterator[bytes]:
        """The bytes of a blob, piece by piece."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Replaces a blob."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is such a blob (`exists?` in Elixir)."""
        ...


class HubClient(Protocol):
    """Downloads from a model hub."""

    def download(self, **options: Any) -> Path:
        """One file; `repo_id` and `filename` say which."""
        ...

    def snapshot(self, **options: Any) -> Path:
        """A whole repository; `repo_id` says which."""
        ...

    def list_files(self, repo_id: str, **options: Any) -> list[str]:
        """The files of a repository."""
        ...


class LLMClient(Protocol):
    """Talks to a chat model."""

    def chat(self, messages: Sequence[Message], **options: Any) -> Any:
        """The model's answer to a conversation."""
        ...


class EmbeddingClient(Protocol):
    """Turns texts into vectors."""

    def embed_texts(self, texts: Sequence[str], **options: Any) -> list[list[float]]:
        """One vector for each text."""
        ...


class VectorStore(Protocol):
    """Keeps vectors and finds the nearest."""

    def create_collection(self, name: str, metadata: Mapping[str, Any]) -> Collection:
        """A new collection."""
        ...

    def get_collection(self, name: str) -> Collection:
        """The collection of that name."""
        ...

    def get_or_create_collection(self, name: str, metadata: Mapping[str, Any]) -> Collection:
        """The collection of that name, made where there is none."""
        ...

    def delete_collection(self, collection: Collection) -> None:
        """Deletes a collection, given itself or its name."""
        ...

    def add(self, collection: Collection, payload: Mapping[str, Any]) -> None:
        """Adds vectors with what belongs to them."""
        ...

    def query(self, collection: Collection, embeddings: Sequence[Sequence[float]], **options: Any) -> Any:
        """What lies nearest to each of `embeddings`."""
        ...


class _Noop:
    """The adapter of a port that the caller left open: every callback says so, by raising PortError."""

    port = ""

    def _missing(self, *_: Any, **__: Any) -> NoReturn:
        raise PortError(f"no adapter for the port {self.port}: supply one with Ports({self.port}=...)")


class NoopTrainingClient(_Noop):
    """Trains nothing; raises PortError."""

    port = "training_client"
    start_session = forward_backward = forward_backward_custom = optim_step = await_ = _Noop._missing
    save_checkpoint = load_checkpoint = _Noop._missing

    def close_session(self, session: Session) -> None:
        """Nothing was opened."""


class NoopSamplingClient(_Noop):
    """Samples nothing; raises PortError."""

    port = "sampling_client"
    start_session = sample = sample_stream = compute_logprobs = await_ = _Noop._missing

    def close_session(self, session: Session) -> None:
        """Nothing was opened."""


class NoopDatasetStore(_Noop):
    """Holds no data set; raises PortError."""

    port = "dataset_store"
    load_dataset = get_split = select = shuffle = skip = take = to_list = _Noop._missing


class NoopBlobStore(_Noop):
    """Holds no blob; raises PortError."""

    port = "blob_store"
    read = stream = write = exists = _Noop._missing


class NoopHubClient(_Noop):
    """Reaches no hub; raises PortError."""

    port = "hub_client"
    download = snapshot = list_files = _Noop._missing


class NoopLLMClient(_Noop):
    """Answers nothing; raises PortError."""

    port = "llm_client"
    chat = _Noop._missing


class NoopEmbeddingClient(_Noop):
    """Embeds nothing; raises PortError."""

    port = "embedding_client"
    embed_texts = _Noop._missing


class NoopVectorStore(_Noop):
    """Holds no vectors; raises PortError."""

    port = "vector_store"
    create_collection = get_collection = get_or_create_collection = _Noop._missing
    delete_collection = add = query = _Noop._missing


PORTS: Mapping[str, type] = {
    "training_client": TrainingClient,
    "sampling_client": SamplingClient,
    "dataset_store": DatasetStore,
    "blob_store": BlobStore,
    "hub_client": HubClient,
    "llm_client": LLMClient,
    "embedding_client": EmbeddingClient,
    "vector_store": VectorStore,
}
"""Each port's name and the callbacks that its adapter needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The adapters of a run; a port that is left out gets the adapter that says so when it is used.

    Raises PortError for an adapter that lacks a callback: before the run, not in the middle of it.
    """

    training_client: TrainingClient = field(default_factory=NoopTrainingClient)
    sampling_client: SamplingClient = field(default_factory=NoopSamplingClient)
    dataset_store: DatasetStore = field(default_factory=NoopDatasetStore)
    blob_store: BlobStore = field(default_factory=NoopBlobStore)
    hub_client: HubClient = field(default_factory=NoopHubClient)
    llm_client: LLMClient = field(default_factory=NoopLLMClient)
    embedding_client: EmbeddingClient = field(default_factory=NoopEmbeddingClient)
    vector_store: VectorStore = field(default_factory=NoopVectorStore)

    def __post_init__(self) -> None:
        """Compares each adapter with its port."""
        for port in fields(self):
            adapter = getattr(self, port.name)
            callbacks = [name for name in vars(PORTS[port.name]) if not name.startswith("_")]
            missing = [name for name in callbacks if not callable(getattr(adapter, name, None))]
            if missing:
                raise PortError(f"port {port.name}: {type(adapter).__name__} lacks {', '.join(missing)}")
