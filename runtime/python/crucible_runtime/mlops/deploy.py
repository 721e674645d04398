"""Deploys a registered model: `CrucibleDeployment.Stages.Deploy`, `Stages.Promote`, `Stages.Rollback`.

Everything is rendered into artifacts/deploy of the run's folder, and deployment.json says what and how far it is.
Nothing is carried out unless the caller says so (`--apply`), for a run is no reason to change what users are served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from crucible_runtime.errors import DeployError, PipelineError
from crucible_runtime.interface.preflight import checked_by, uses
from crucible_runtime.interface.stages import Context, Options, Output
from crucible_runtime.mlops.checks import carried_out, deployment
from crucible_runtime.mlops.register import registration
from crucible_runtime.mlops.rendering import FOLDER, record, rendered
from crucible_runtime.mlops.serving import applied, unused_port
from crucible_runtime.mlops.settings import SETTINGS
from crucible_runtime.mlops.target import Plan, planned

RECORD = f"{FOLDER}/deployment.json"
"""What was deployed and how, in the run's folder."""
_MODULE = "CrucibleDeployment.Stages.Deploy"


@checked_by(deployment, carried_out)
@uses("apply")
def deploy(context: Context, options: Options) -> Output:
    """Renders the deployment of the version registered before, and carries it out where the caller asked for that.

    Raises InputError for options that cannot be used, PipelineError where nothing was registered, DeployError where
    the deployment cannot be carried out.
    """
    if context.config.apply == "local" and options.get("target") != "local":
        return local(context, options)
    plan = planned(context, options, registration(context))
    if plan.target == "local" and (options.get("config") or {}).get("port") is None:
        free = unused_port() if context.config.apply else plan.settings["port"]
        plan = replace(plan, settings={**plan.settings, "port": free})
    return _written(context, plan)


def local(context: Context, options: Options) -> Output:
    """The same for the target `local`, whatever the recipe says: what `--apply local` asks for.

    Only the settings that `local` has are taken from the recipe.
    """
    config: Mapping[str, Any] = options.get("config") or {}
    kept = {name: value for name, value in config.items() if name in SETTINGS and "local" in SETTINGS[name].targets}
    return deploy(context, {**options, "target": "local", "config": kept})


@uses("apply")
def promote(context: Context, options: Options) -> Output:
    """Gives the new version the whole traffic; what deploy would say. Raises PipelineError without a deployment."""
    return _shifted(context, 100, "promoted")


@uses("apply")
def rollback(context: Context, options: Options) -> Output:
    """Gives the version before the whole traffic back. Raises PipelineError without a deployment.

    Raises DeployError where the strategy has not left that version in place.
    """
    return _shifted(context, 0, "rolled_back")


def _shifted(context: Context, share: int, state: Literal["promoted", "rolled_back"]) -> Output:
    made = next((stage for stage in reversed(context.finished) if stage.module == _MODULE), None)
    if made is None:
        raise PipelineError(f"stage {context.stage.name} needs a deployment, and no deploy stage has run")
    plan = planned(context, made.options, registration(context))
    if share == 0 and plan.strategy == "replace" and plan.target not in ("kubernetes", "noop"):
        raise DeployError(f"strategy replace keeps nothing on target {plan.target} to go back to: deploy that version")
    return _written(context, replace(plan, share=share, state=state))


def _written(context: Context, plan: Plan) -> Output:
    files = rendered(plan)
    for name, text in files.items():
        context.folder.write_exact(f"{FOLDER}/{name}", text)
        if name.endswith(".sh") and context.folder.main:
            (context.folder.path / FOLDER / name).chmod(0o755)
    _note(context, record(plan, "rendered", files))
    if not context.config.apply:
        return record(plan, "rendered", files) | {"deployment": RECORD}
    came_of_it = applied(context, plan)
    said = record(plan, "applied", files) | came_of_it
    _note(context, said)
    return said | {"deployment": RECORD}


def _note(context: Context, said: Mapping[str, Any]) -> None:
    context.folder.write_json(RECORD, said)
