defmodule CrucibleRuntime.Run.Preflight do
  @moduledoc """
  What is asked before a run starts: whether every stage could run to its end.

  All of it is asked at once. What only a service could tell, and does not, is logged.
  """

  require Logger

  alias CrucibleRuntime.Recipe.Schema
  alias CrucibleRuntime.Run.Evaluation

  # Packages that are looked for before anything of theirs is called.
  @compile {:no_warn_undefined,
            [CrucibleModelRegistry, CrucibleModelRegistry.ConfigHash, Crucible.Stage.Validator]}

  @typedoc "Why a run would not end; `CrucibleRuntime.run/3` says what each means."
  @type problem ::
          {:missing_packages, [atom()]}
          | {:missing_values, [atom()]}
          | {:conflicting_values, [atom()]}
          | {:unused_values, [atom()]}
          | {:invalid_options, keyword()}
          | {:missing_configuration, [{application :: atom(), key :: atom()}]}
          | {:duplicate_config, keyword()}

  @typedoc """
  A run: the experiment with its live values, what the evaluation asks, the live values by name,
  the names that the recipe needs, the names that were supplied twice, whether the caller wants an
  evaluation, and the options of the runner.
  """
  @type run :: %{
          experiment: CrucibleIR.Experiment.t(),
          evaluation: map() | nil,
          live: map(),
          needs: [atom()],
          twice: [atom()],
          evaluate: boolean(),
          options: keyword()
        }

  @doc "The packages that stages, the evaluation and the runner of an experiment lack."
  @spec packages(CrucibleIR.Experiment.t(), map() | nil) :: [problem()]
  def packages(experiment, evaluation) do
    modules = for %{module: module} when not is_nil(module) <- experiment.pipeline, do: module
    stages = Enum.map(modules, &{&1, Schema.package(&1)})
    runner = {CrucibleFramework, :crucible_framework}
    wanted = [runner | stages] ++ Evaluation.packages(evaluation)
    missing = for {module, package} <- wanted, not Code.ensure_loaded?(module), do: package
    listed(:missing_packages, Enum.uniq(missing))
  end

  @doc "What keeps a run from its end, in the order in which a reader mends it."
  @spec problems(run()) :: [problem()]
  def problems(run) do
    listed(:missing_values, values(run)) ++
      listed(:conflicting_values, run.twice) ++
      listed(:unused_values, unused(run)) ++
      listed(:invalid_options, loops(run.experiment) ++ described(run)) ++
      configured(run)
  end

  defp listed(_name, []), do: []
  defp listed(name, found), do: [{name, found}]

  defp values(run) do
    Enum.filter(run.needs, &missing?(run.experiment, &1)) ++
      Evaluation.missing(run.evaluation, run.live)
  end

  # A training client that is open already takes the place of ports.
  defp missing?(experiment, name) do
    Enum.any?(experiment.pipeline, fn %{options: options} ->
      not is_nil(options) and Access.fetch(options, name) == {:ok, nil} and
        (name != :ports or is_nil(options[:training_client]))
    end)
  end

  # Nothing is asked of the model, so nobody would sample from it.
  defp unused(%{evaluate: true, evaluation: nil, live: %{sampling_client: client}})
       when not is_nil(client),
       do: [:sampling_client]

  defp unused(_run), do: []

  # The loops count 0..(n - 1): zero runs two rounds, at rates above the recipe's.
  defp loops(experiment) do
    for %{options: options} when not is_nil(options) <- experiment.pipeline,
        {name, count} when name in [:num_epochs, :num_batches] <- options,
        is_integer(count) and count < 1,
        do: {name, count}
  end

  # With `validate_options: :error` the runner refuses a stage when its turn comes.
  defp described(%{options: options, experiment: experiment}) do
    if options[:validate_options] == :error and Code.ensure_loaded?(Crucible.Stage.Validator),
      do: Enum.flat_map(experiment.pipeline, &refused/1),
      else: []
  end

  defp refused(%{name: name, module: module, options: options}) do
    with true <- Code.ensure_loaded?(module) and function_exported?(module, :describe, 1),
         described = module.describe(options || %{}),
         {:error, messages} <- Crucible.Stage.Validator.validate(options, described) do
      [{name, messages}]
    else
      _accepted -> []
    end
  end

  defp configured(%{experiment: experiment, options: options}) do
    runner = if options[:persist], do: [{:crucible_framework, :repo}], else: []

    missing =
      for {application, key} <- Enum.uniq(runner ++ wanted(experiment)),
          # Not every application is loaded where a recipe runs.
          _loaded = Application.load(application),
          is_nil(Application.get_env(application, key)),
          do: {application, key}

    listed(:missing_configuration, missing) ++
      if({:crucible_model_registry, :repo} in missing, do: [], else: registered(experiment))
  end

  defp wanted(experiment) do
    for %{module: module, options: options} <- experiment.pipeline,
        each <- Schema.configuration(),
        each.stage == module,
        is_nil(each.option) or is_nil((options || [])[each.option]),
        do: {each.application, each.key}
  end

  # The registry takes a training configuration once, and would say so after the training.
  defp registered(experiment) do
    for %{name: name, module: CrucibleModelRegistry.Stages.Register, options: options} <-
          experiment.pipeline,
        version = known(options[:training_config]),
        do: {:duplicate_config, stage: name, version: version}
  end

  defp known(config) do
    if is_map(config) and Code.ensure_loaded?(CrucibleModelRegistry.ConfigHash) and
         Code.ensure_loaded?(CrucibleModelRegistry) do
      hash = CrucibleModelRegistry.ConfigHash.hash_config(config)

      case CrucibleModelRegistry.find_by_config_hash(hash) do
        {:ok, version} -> version
        :not_found -> nil
      end
    end
  catch
    kind, reason ->
      Logger.warning(
        "the registry was not asked whether it has the training configuration: " <>
          Exception.format_banner(kind, reason, __STACKTRACE__)
      )

      nil
  end
end
