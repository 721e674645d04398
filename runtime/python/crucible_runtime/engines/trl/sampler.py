"""Samples from a trained model: a SamplingClient, and the teacher of prompt distillation.

An answer depends on the model, the conversation, the parameters and the seed, and on nothing that was asked before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crucible_runtime.data.teacher import Ask, Question
from crucible_runtime.engines.trl import arguments, machine, models
from crucible_runtime.errors import EngineError
from crucible_runtime.interface.stages import Context
from crucible_runtime.ports import Future, Message, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that is ready to be asked."""

    model: Any
    tokenizer: Any
    stop: tuple[str, ...]


class Sampler:
    """Asks the model that a training stage left in the run folder; a Future is the result itself."""

    def __init__(self, context: Context, model: str) -> None:
        """Takes the name of the model in the folder, such as `model`."""
        self._context = context
        self._place = context.folder.resolve(model)

    def start_session(self, config: Any) -> Session:
        """Loads the model; `config` is not needed. Raises EngineError where it is not there."""
        with machine.settled(self._context):
            return trained(self._context, self._place)

    def sample(self, session: Session, prompt: Sequence[Message], params: Mapping[str, Any], **options: Any) -> Future:
        """`num_samples` answers (1): `temperature` (1.0, 0 takes the likeliest token), `max_tokens` (256), `stop`, `seed`."""
        with machine.repeatable(arguments.training(self._context.experiment)):
            return {"sequences": answers(session, prompt, params, self._seed)}

    def sample_stream(
        self, session: Session, prompt: Sequence[Message], params: Mapping[str, Any], **options: Any
    ) -> Iterator[Any]:
        """The same, each answer as one piece."""
        yield from self.sample(session, prompt, params, **options)["sequences"]

    def compute_logprobs(self, session: Session, prompt: Sequence[Message], **options: Any) -> Future:
        """`logprobs` of the conversation's tokens, each after those before it; None for the first."""
        import torch

        with machine.repeatable(arguments.training(self._context.experiment)), torch.no_grad():
            ids = _asked(session, prompt, generation=False)
            found = session.model(ids).logits[0, :-1].float().log_softmax(-1)
            return {"logprobs": [None, *found.gather(-1, ids[0, 1:, None])[:, 0].tolist()]}

    def await_(self, future: Future) -> Mapping[str, Any]:
        """The future, which is the result."""
        result: Mapping[str, Any] = future
        return result

    def close_session(self, session: Session) -> None:
        """Nothing to give back: the model goes with the session."""

    @property
    def _seed(self) -> int:
        seed = arguments.training(self._context.experiment).seed
        return arguments.SEED if seed is None else seed


def trained(context: Context, place: str) -> Loaded:
    """The model in the directory `place`: whole weights, or an adapter on the model that the recipe started from."""
    training = arguments.training(context.experiment)
    ref = replace(training.model_ref, id=place, provider="local", version=None)
    renderer = arguments.options(training).get("renderer_name")
    if (Path(place) / models.ADAPTER).exists():
        from peft import PeftModel

        base, _ = models.opened(context, models.base(training), renderer)
        model = PeftModel.from_pretrained(base, place)
    elif (Path(place) / "config.json").exists():
        model, _ = models.opened(context, ref, renderer)
    else:
        raise EngineError(f"there is no trained model in {place}")
    return _ready(model, models.tokenizer(place, ref, renderer), renderer, training.device)


def answers(loaded: Loaded, prompt: Sequence[Message], params: Mapping[str, Any], seed: int) -> list[dict[str, str]]:
    """The answers to one conversation, each `{"text", "stop_reason"}`; the reason is `stop` or `length`."""
    import torch

    ids = _asked(loaded, prompt, generation=True)
    temperature = params.get("temperature", 1.0)
    stops = [*(params.get("stop") or ()), *loaded.stop]
    found = []
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(params.get("seed", seed))
        for _ in range(params.get("num_samples", 1)):
            out = loaded.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=params.get("max_tokens", 256),
                **(_drawn(temperature) if temperature else {"do_sample": False}),
                **({"stop_strings": stops, "tokenizer": loaded.tokenizer} if stops else {}),
            )
            found.append(_answer(loaded.tokenizer, out[0, ids.shape[1] :].tolist(), stops, loaded.model))
    return found


def ask(context: Context) -> Ask:
    """What answers the questions of prompt distillation: the recipe's teacher, loaded when it is first asked."""

    def asked(questions: Sequence[Question]) -> Iterator[Sequence[str]]:
        training = arguments.training(context.experiment)
        given = arguments.options(training)
        renderer = given.get("teacher_renderer_name", given.get("renderer_name"))
        ref = replace(training.model_ref, id=given["teacher_model"], version=None)
        model, tokenizer = models.opened(context, ref, renderer)
        loaded = _ready(model, tokenizer, renderer, training.device)
        for question in questions:
            params = {
                "temperature": question.temperature,
                "max_tokens": question.max_tokens,
                "num_samples": question.samples,
            }
            found = answers(loaded, [{"role": "user", "content": question.prompt}], params, question.seed)
            yield [each["text"] for each in found]

    return asked


def _ready(model: Any, tokenizer: Any, renderer: str | None, device: str) -> Loaded:
    stop = (models.STOP,) if renderer == models.ROLE_COLON else ()
    return Loaded(model=model.to(device).eval(), tokenizer=tokenizer, stop=stop)


def _drawn(temperature: float) -> dict[str, Any]:
    """Draws from the model as it is: a model's own settings would cut off what is unlikely."""
    return {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}


def _asked(loaded: Loaded, prompt: Sequence[Message], *, generation: bool) -> Any:
    import torch

    text = loaded.tokenizer.apply_chat_template(list(prompt), tokenize=False, add_generation_prompt=generation)
    ids = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    return torch.tensor([ids], device=loaded.model.device)


def _answer(tokenizer: Any, ids: list[int], stops: Sequence[str], model: Any) -> dict[str, str]:
    """The text of an answer up to what ended it."""
    ends = model.generation_config.eos_token_id
    ends = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id}
    at = next((place for place, token in enumerate(ids) if token in ends), None)
    text = tokenizer.decode(ids if at is None else ids[:at], skip_special_tokens=True)
    cuts = [found for stop in stops if (found := text.find(stop)) >= 0]
    text = text[: min(cuts)] if cuts else text
    if tokenizer.chat_template == models.TEMPLATE:
        text = text.removeprefix(" ").removesuffix("\n\n")
    return {"text": text, "stop_reason": "stop" if cuts or at is not None else "length"}
