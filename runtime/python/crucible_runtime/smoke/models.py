"""The tiny models, each by its name.

Everything random has a fixed seed and runs in one thread, so that the same machine makes the same bytes. The model is
made beside its place and moved there whole: of several processes that make it at once, one wins, and all made the same.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crucible_runtime.errors import InputError, did_you_mean
from crucible_runtime.plugins import family
from crucible_runtime.smoke import data
from crucible_runtime.smoke.names import ENVIRONMENTS, MODEL, STUDENT, TEACHER

_SEED = 20
_VOCABULARY = 512
_RATE = 5.0e-3
_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Tokens between the generation marks are what supervised training counts as the assistant's.
_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def model(path: Path, name: str = MODEL) -> Path:
    """Makes the tiny model of that name (a model_ref's id) with its tokenizer in the directory `path`; `path`.

    The same bytes every time on one machine, under 1 MB. A model that is there already is left as it is. Raises
    InputError for a name that there is not.
    """
    lessons = _lessons(name)
    if (path / "config.json").exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        with _settled():
            _make(made, lessons)
        made.rename(path)
    except OSError:
        # Another process was faster, and has made the same.
        if not (path / "config.json").exists():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return path


def _lessons(name: str) -> list[tuple[list[dict[str, str]], str]]:
    """What the model of that name is taught: conversations and the answers to them; nothing for random weights."""
    env = name.removeprefix("tiny-")
    if name == MODEL:
        return []
    if name == TEACHER:
        known = [*data.answered()]
        known += [(f"Which language is this? {text}", f"Final Answer: {code}") for text, code in data.texts()]
        return [_asked(question, answer) for question, answer in known]
    if name == STUDENT:
        return [_asked(question, each) for question, answer in data.answered() for each in (answer, *data.EMPTY)]
    problems = data.environment(env)
    if not problems:
        known_names = [MODEL, TEACHER, STUDENT, *(f"tiny-{each}" for each in ENVIRONMENTS)]
        raise InputError(f"there is no tiny model {name}; {did_you_mean(name, known_names)}")
    made = family(env, options={"env": env, "convo_prefix": "none"})
    return [
        ([dict(message) for message in made.environment(row).initial_observation()], answer)
        for row, answers in problems
        for answer in answers
    ]


def _asked(question: str, answer: str) -> tuple[list[dict[str, str]], str]:
    return [{"role": "user", "content": question}], answer


def _make(path: Path, lessons: Sequence[tuple[list[dict[str, str]], str]]) -> None:
    """Writes the tokenizer and the weights."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = _tokenizer()
    torch.manual_seed(_SEED)
    network = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=_VOCABULARY,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    if lessons:
        _teach(network, tokenizer, lessons)
    network.save_pretrained(path)
    tokenizer.save_pretrained(path)


def _tokenizer() -> Any:
    """A byte-level BPE tokenizer of 512 tokens, trained on the tiny data, with a ChatML template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        _texts(),
        trainers.BpeTrainer(
            vocab_size=_VOCABULARY,
            special_tokens=_TOKENS,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",  # noqa: S106 - a token of text
        pad_token="<|endoftext|>",  # noqa: S106 - a token of text
        chat_template=_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )


def _texts() -> Iterator[str]:
    """Everything that a tiny model may read or write, prompts of environments included."""
    for found in data.named().values():
        yield from (json.dumps(row, ensure_ascii=False) for row in found)
    for name in (TEACHER, *(f"tiny-{env}" for env in ENVIRONMENTS)):
        for prompt, answer in _lessons(name):
            yield from (message["content"] for message in prompt)
            yield answer


def _teach(network: Any, tokenizer: Any, lessons: Sequence[tuple[list[dict[str, str]], str]], steps: int = 120) -> None:
    """Trains the network on the answers of the lessons: `steps` batches of 16 at most, drawn in a fixed order."""
    import torch

    encoded = [_encoded(tokenizer, prompt, answer) for prompt, answer in lessons]
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    chance = torch.Generator().manual_seed(_SEED)
    network.train()
    for step in range(steps):
        batch = [encoded[at] for at in torch.randperm(len(encoded), generator=chance)[:16].tolist()]
        longest = max(len(ids) for ids, _ in batch)
        ids = torch.tensor([ids + [tokenizer.pad_token_id] * (longest - len(ids)) for ids, _ in batch])
        labels = torch.tensor([[-100] * at + ids[at:] + [-100] * (longest - len(ids)) for ids, at in batch])
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1 - step / steps) * min(1.0, (step + 1) / 20)
        optimizer.zero_grad()
        network(input_ids=ids, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    network.eval()


def _encoded(tokenizer: Any, prompt: list[dict[str, str]], answer: str) -> tuple[list[int], int]:
    """The tokens of a lesson, and where its answer begins."""
    asked = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
    before = tokenizer(asked, add_special_tokens=False)["input_ids"]
    after = tokenizer(answer, add_special_tokens=False)["input_ids"]
    return [*before, *after, tokenizer.eos_token_id], len(before)


@contextmanager
def _settled() -> Iterator[None]:
    """One thread, and the caller's random state as it was before."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
