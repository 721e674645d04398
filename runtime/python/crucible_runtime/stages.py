"""The stages that a generated run calls by name.

A training stage is run by an engine, any other stage by an adapter: what the caller supplies goes first, then what is
installed as an entry point. A stage that nothing runs raises, and names what is missing. What an installed engine or
adapter prints goes into the log of the run; what the caller's own prints stays where it is. Plugins are looked up only
when a stage runs, so that a plan and `--help` start quickly.
"""

from __future__ import annotations

from crucible_runtime.interface.stages import Context, Options, Output


def supervised_train(context: Context, options: Options) -> Output:
    """Trains on the answers of conversations (`CrucibleTrain.Stages.SupervisedTrain`); raises EngineMissingError."""
    return _train(context, options)


def rl_train(context: Context, options: Options) -> Output:
    """Trains on the rewards of an environment (`CrucibleTrain.Stages.RLTrain`); raises EngineMissingError."""
    return _train(context, options)


def dpo_train(context: Context, options: Options) -> Output:
    """Trains on preferred and rejected answers (`CrucibleTrain.Stages.DPOTrain`); raises EngineMissingError."""
    return _train(context, options)


def distillation(context: Context, options: Options) -> Output:
    """Trains on a teacher's judgement (`CrucibleTrain.Stages.Distillation`); raises EngineMissingError."""
    return _train(context, options)


def model_register(context: Context, options: Options) -> Output:
    """Registers the trained model (`CrucibleModelRegistry.Stages.Register`); raises AdapterMissingError."""
    return external(context, options)


def deploy(context: Context, options: Options) -> Output:
    """Deploys the registered model (`CrucibleDeployment.Stages.Deploy`); raises AdapterMissingError."""
    return external(context, options)


def export_feedback(context: Context, options: Options) -> Output:
    """Exports what users said of the model (`CrucibleFeedback.Stages.ExportFeedback`); raises AdapterMissingError."""
    return external(context, options)


def check_triggers(context: Context, options: Options) -> Output:
    """Looks whether to train again (`CrucibleFeedback.Stages.CheckTriggers`); raises AdapterMissingError."""
    return external(context, options)


def external(context: Context, options: Options) -> Output:
    """Runs a stage by its module: the caller's adapter, else the installed one; raises AdapterMissingError."""
    from crucible_runtime import plugins

    module = context.stage.module or context.stage.name
    run = plugins.adapter(module, context.config)
    if module in context.config.adapters:
        return run(context, options)
    with context.folder.captured():
        return run(context, options)


def _train(context: Context, options: Options) -> Output:
    """Runs a training stage by the engine of the run; raises EngineMissingError where there is none."""
    from crucible_runtime import plugins

    wanted = context.config.engine
    if wanted is not None and not isinstance(wanted, str):
        return wanted.train(context, options)
    with context.folder.captured():
        return (context.engine or plugins.engine(wanted)).train(context, options)
