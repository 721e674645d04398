"""The images that serve in Kubernetes, and which release of a server serves a family of models first.

The table is what docs/mlops.md shows. A test holds the default images to the models of the recipes that ship.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

IMAGES: Mapping[str, str] = {
    "vllm": "vllm/vllm-openai:v0.26.0",
    "tgi": "ghcr.io/huggingface/text-generation-inference:3.3.6",
}
"""The image of each server where `options.config.image` is left out."""
PROJECTS: Mapping[str, str] = {"vllm": "vLLM", "tgi": "text-generation-inference"}
"""What the servers are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models whose names begin with `models`, and the first release of each server for them; None where there is none.

    The release is the one that loads them with LoRA adapters too.
    """

    models: str
    first: Mapping[str, str | None]


FAMILIES = (
    Family(models="Qwen/Qwen3.5-", first={"vllm": "0.17.0", "tgi": None}),
    Family(models="Qwen/Qwen3.6-", first={"vllm": "0.19.0", "tgi": None}),
)
"""What is known. A model of no family here is left to the server."""


def unserved(server: str, image: str | None, model: str) -> str | None:
    """Why the image cannot serve a model; None where it can, or nothing is known of the model or the image.

    server: `vllm` or `tgi`
    image: the reference that the recipe gives, None for the default
    model: name of the base model on the hub
    """
    family = next((each for each in FAMILIES if model.startswith(each.models)), None)
    release = _release(server, image or IMAGES[server])
    if family is None or release is None:
        return None
    first = family.first[server]
    if first is None:
        return (
            f"no release of {PROJECTS[server]} serves {model}: take options.config.server vllm, or name another image"
        )
    if release < _numbers(first):
        return (
            f"options.config.image {image} does not serve {model}, which {PROJECTS[server]} {first} was the first to "
            f"do: leave image out for {IMAGES[server]}, or name a later one"
        )
    return None


def _release(server: str, image: str) -> tuple[int, ...] | None:
    """The release in the tag of a project's own image; None for other images, and tags that name no release."""
    repository = IMAGES[server].rpartition(":")[0]
    found = re.fullmatch(rf"(?:docker\.io/)?{re.escape(repository)}:v?(\d+(?:\.\d+)+)(?:[-.].*)?", image)
    return _numbers(found[1]) if found else None


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))
