"""Samples from a model of the service: for the evaluation, and for the teacher of prompt distillation.

One client serves the evaluation after a run, and one the teacher of prompt distillation. Both send the tokens that a
renderer makes, and read what comes back as that renderer does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NoReturn

from crucible_runtime.data.teacher import Question
from crucible_runtime.engines.tinker import service
from crucible_runtime.errors import InputError, PortError
from crucible_runtime.ports import Future, Message, Session

_UNDER_WAY = 64
"""Questions that the teacher is asked at once."""


def renderer_for(model: str, wanted: str | None) -> str:
    """The renderer that is asked for, else the one that the cookbook recommends; raises InputError where it has none."""
    from tinker_cookbook import model_info
    from tinker_cookbook.exceptions import TinkerCookbookError

    if wanted is not None:
        return wanted
    try:
        name: str = model_info.get_recommended_renderer_name(model)
    except (TinkerCookbookError, KeyError, ValueError) as error:
        raise InputError(
            f"tinker_cookbook recommends no renderer for {model}: name one with "
            "training_config.options.renderer_name, such as role_colon"
        ) from error
    return name


def renderer(model: str, name: str) -> tuple[Any, Any]:
    """The renderer of that name and the tokenizer of a model; raises InputError where one of them is not to be had."""
    from tinker_cookbook import renderers, tokenizer_utils

    try:
        tokenizer = tokenizer_utils.get_tokenizer(model)
    except (OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"the tokenizer of {model} cannot be loaded: {first}") from error
    try:
        return renderers.get_renderer(name, tokenizer), tokenizer
    except ValueError as error:
        raise InputError(f"there is no renderer {name}: {error}") from error


class Sampler:
    """A SamplingClient that asks one model of the service."""

    def __init__(self, client: Any, renderer: Any, base_url: str | None) -> None:
        """Takes a tinker.SamplingClient and a renderer of the cookbook."""
        self._client = client
        self._renderer = renderer
        self._base_url = base_url

    def start_session(self, config: Any) -> Session:
        """None: the client was made for one model."""

    def sample(self, session: Session, prompt: Sequence[Message], params: Mapping[str, Any], **options: Any) -> Future:
        """Sends a prompt; `params` may hold temperature, max_tokens, stop (besides the renderer's) and num_samples."""
        import tinker

        stops = self._renderer.get_stop_sequences()
        more = [stop for stop in params.get("stop") or [] if stop not in stops]
        if more and not all(isinstance(stop, str) for stop in stops):
            # The service takes texts or tokens, and not both: those of the renderer end a turn, ours are cut off below.
            sent = stops
        else:
            sent = [*stops, *more]
        wanted = tinker.SamplingParams(
            max_tokens=params.get("max_tokens"), temperature=params.get("temperature", 1.0), stop=sent
        )
        with service.told(self._base_url):
            under_way = self._client.sample(
                prompt=self._renderer.build_generation_prompt(list(prompt)),
                num_samples=params.get("num_samples", 1),
                sampling_params=wanted,
            )
        return under_way, more

    def sample_stream(
        self, session: Session, prompt: Sequence[Message], params: Mapping[str, Any], **options: Any
    ) -> Iterator[Any]:
        """The whole answer as one piece: the service does not stream."""
        yield self.await_(self.sample(session, prompt, params, **options))

    def compute_logprobs(self, session: Session, prompt: Sequence[Message], **options: Any) -> NoReturn:
        """Raises PortError: nothing in a run asks for it."""
        raise PortError("engine tinker computes no log-probabilities of a conversation")

    def await_(self, future: Future) -> Mapping[str, Any]:
        """The answers, without what ended them."""
        under_way, stops = future
        with service.told(self._base_url):
            answer = under_way.result()
        return {
            "sequences": [
                {"text": self._text(sequence.tokens, stops), "stop_reason": sequence.stop_reason}
                for sequence in answer.sequences
            ]
        }

    def close_session(self, session: Session) -> None:
        """Nothing was opened."""

    def _text(self, tokens: Sequence[int], stops: Sequence[str]) -> str:
        from tinker_cookbook import renderers

        text: str = renderers.get_text_content(self._renderer.parse_response(list(tokens))[0])
        return text[: min((text.index(stop) for stop in stops if stop in text), default=len(text))]


def sampler(model: str, *, base_model: str, renderer_name: str | None, base_url: str | None) -> Sampler:
    """A client for `model`, weights of the service (tinker://...) or the name of one of its models."""
    import tinker

    service.check(base_url)
    made, _ = renderer(base_model, renderer_for(base_model, renderer_name))
    with service.told(base_url):
        client = tinker.ServiceClient(base_url=base_url).create_sampling_client(
            **({"model_path": model} if model.startswith("tinker://") else {"base_model": model})
        )
    return Sampler(client, made, base_url)


def asking(options: Mapping[str, Any], base_url: str | None) -> Callable[[Sequence[Question]], Iterator[Sequence[str]]]:
    """What asks the teacher of a recipe: questions in, the answers to each out, many of them under way at once."""

    def ask(questions: Sequence[Question]) -> Iterator[Sequence[str]]:
        import tinker

        model = options["teacher_model"]
        name = options.get("teacher_renderer_name") or options.get("renderer_name")
        made, tokenizer = renderer(model, renderer_for(model, name))
        with service.told(base_url):
            client = tinker.ServiceClient(base_url=base_url).create_sampling_client(base_model=model)

        def sent(question: Question) -> Any:
            return client.sample(
                prompt=made.build_generation_prompt([{"role": "user", "content": question.prompt}]),
                num_samples=question.samples,
                sampling_params=tinker.SamplingParams(
                    max_tokens=question.max_tokens, temperature=question.temperature, stop=made.get_stop_sequences()
                ),
            )

        left = iter(questions)
        with service.told(base_url):
            under_way = [sent(question) for question in islice(left, _UNDER_WAY)]
            while under_way:
                answer = under_way.pop(0).result()
                under_way += [sent(question) for question in islice(left, 1)]
                yield [_spoken(made, tokenizer, sequence.tokens) for sequence in answer.sequences]

    return ask


def _spoken(made: Any, tokenizer: Any, tokens: Sequence[int]) -> str:
    from tinker_cookbook import renderers

    text: str = renderers.get_text_content(made.parse_response(list(tokens))[0])
    return text
