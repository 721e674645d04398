"""What a registration is called and when it is refused; without the registry's library."""

from __future__ import annotations

import posixpath

from crucible_runtime.errors import did_you_mean
from crucible_runtime.interface.stages import Options
from crucible_runtime.ir import Experiment

FILE = "mlflow.db"
"""The default registry, in the directory that holds the runs."""
MARK = "artifacts/registration.json"
"""The file of a run that says which version is its own."""
LINEAGE = ("fine_tuned_from", "distilled_from", "rl_trained_from", "dpo_trained_from")
"""How a version can come from its parent; the first where a recipe does not say."""
STAGES = ("experiment", "staging", "production", "archived")
"""The stages of a version's life; a new version is in the first."""
REFUSE, NEW_VERSION = "refuse", "new_version"
"""What to do where the registry has the same training configuration already; the first where a recipe does not say."""
REFUSED = "refuses the account: set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
OPTIONS = (
    *("model_name", "recipe", "base_model", "training_config", "version", "artifacts"),
    *("parent_version_id", "lineage_type", "on_duplicate"),
)
"""The options of a registration."""
_NEEDED = ("model_name", "recipe", "base_model")
_LONGEST = 250


def is_toy(experiment: Experiment) -> bool:
    """Whether the model was made on the spot: it goes into a registry inside of its own run."""
    training = experiment.training_config
    return training is not None and training.model_ref.provider == "generated"


def on_duplicate(options: Options) -> str:
    """What a recipe says of a configuration that the registry has already."""
    return str(options.get("on_duplicate") or REFUSE)


def duplicate(version: str, registry: str) -> str:
    """The sentence that refuses a training configuration which `version` of a registry has."""
    return (
        f"duplicate_config: {version} in the registry {registry} has the same training configuration, and a "
        "configuration is registered once: change it, delete that version, or set mlops.register.on_duplicate: "
        f"{NEW_VERSION} in the recipe"
    )


def problems(options: Options) -> list[str]:
    """What of the options cannot be used, each a whole sentence."""
    found = [f"there is no options.{name}; {did_you_mean(name, OPTIONS)}" for name in options if name not in OPTIONS]
    found += [f"options.{name} is missing" for name in _NEEDED if not options.get(name)]
    kind, parent = options.get("lineage_type"), options.get("parent_version_id")
    if kind is not None and kind not in LINEAGE:
        found.append(f"options.lineage_type must be one of {', '.join(LINEAGE)}, found {kind}")
    if parent is not None and (not isinstance(parent, int) or isinstance(parent, bool)):
        found.append(f"options.parent_version_id must be the number of a version, found {parent!r}")
    if on_duplicate(options) not in (REFUSE, NEW_VERSION):
        found.append(
            f"options.on_duplicate must be {REFUSE} or {NEW_VERSION}, found {options['on_duplicate']}; "
            + did_you_mean(on_duplicate(options), (REFUSE, NEW_VERSION))
        )
    if options.get("model_name") and (why := _unfit(str(options["model_name"]))):
        found.append(f"options.model_name {options['model_name']!r}: {why}")
    return found


def promotion_problems(options: Options) -> list[str]:
    """What of the options of a promotion cannot be used, each a whole sentence."""
    stage = options.get("stage")
    if stage in STAGES:
        return []
    return [f"options.stage must be one of {', '.join(STAGES)}, found {stage}; {did_you_mean(str(stage), STAGES)}"]


def _unfit(name: str) -> str:
    """Why MLflow does not take the name of a model; empty where it does."""
    if not name.strip():
        return "a name is more than blanks"
    if any(letter in name for letter in "/:"):
        return f"MLflow takes no / and no : in the name of a model; write {name.replace('/', '-').replace(':', '-')}"
    if posixpath.normpath(name) != name or name in (".", ".."):
        return "MLflow takes no name that is a path of another form"
    return f"a name has at most {_LONGEST} characters" if len(name) > _LONGEST else ""
