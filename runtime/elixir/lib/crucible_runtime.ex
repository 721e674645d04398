defmodule CrucibleRuntime do
  @moduledoc """
  Runs recipes: modules with the behaviour `CrucibleRuntime.Recipe`, which are generated.

      experiment = MyTeam.SlBasic.build_spec(%{training_config: %{epochs: 2}})

      {:ok, %{context: context, evaluation: evaluation}} =
        CrucibleRuntime.run(MyTeam.SlBasic, %{training_config: %{epochs: 2}},
          ports: [training_client: {MyApp.TrainingClient, []}],
          train_dataset: dataset,
          sampling_client: sampling_client
        )

  A generated project has a copy of these modules under a name of its own, or depends on the
  library `crucible_runtime`; the setting `elixir.runtime` says which.
  """

  alias CrucibleRuntime.Canonical
  alias CrucibleRuntime.Recipe
  alias CrucibleRuntime.Run
  alias CrucibleRuntime.Run.Preflight
  alias CrucibleRuntime.Run.Watch
  alias CrucibleRuntime.StandIns

  @typedoc """
  What a run gives: the `Crucible.Context` of the pipeline, the evaluated tasks, and the stages
  that others ran in the place of.
  """
  @type result :: %{context: struct(), evaluation: [task()], stand_ins: [StandIns.defective()]}

  @typedoc "A task of the evaluation, with its metrics and its samples."
  @type task :: %{
          task: String.t(),
          scorer: atom(),
          metrics: %{optional(atom()) => number()},
          results: [map()]
        }

  @typedoc """
  Why a run did not start, or the stage that failed with the reason and the context of the run,
  which is `nil` where it was lost.
  """
  @type error ::
          {:unknown_recipe, term()}
          | {:defective_stages, [map()]}
          | Preflight.problem()
          | {:preflight, [{:defective_stages, [map()]} | Preflight.problem()]}
          | {stage :: atom(), Watch.crash() | term(), struct() | nil}

  @doc """
  Puts the `live` values into every stage of `experiment` that has an option of that name which is
  `nil`.

  A value that is there already stays, and a stage gets no option that it does not have.
  """
  @spec inject(CrucibleIR.Experiment.t(), Recipe.fields()) :: CrucibleIR.Experiment.t()
  def inject(experiment, live) do
    %{experiment | pipeline: Enum.map(experiment.pipeline, &inject_stage(&1, live))}
  end

  defp inject_stage(%{options: nil} = stage, _live), do: stage

  defp inject_stage(%{options: options} = stage, live) do
    supplied =
      for {key, value} <- live, Access.fetch(options, key) == {:ok, nil}, do: {key, value}

    %{stage | options: Enum.reduce(supplied, options, &put_option/2)}
  end

  defp put_option({key, value}, %{} = options), do: Map.put(options, key, value)
  defp put_option({key, value}, options), do: Keyword.replace!(options, key, value)

  @doc """
  Builds the experiment of `recipe`, a module, puts the live values in, runs it, and evaluates.

  `config` is what `c:CrucibleRuntime.Recipe.build_spec/1` takes. Options:

    * every live value that the recipe's `Config` lists (`:ports`, `:train_dataset`, ...): for
      what `config` leaves `nil`. `:ports` may also be a map or keyword list of adapters, for
      `CrucibleTrain.Ports.new/1`
    * `:sampling_client` - the client that the evaluation samples from: a struct whose module has
      `sample/3`, or a function that makes one from the context of the finished run. Without it
      the evaluation goes through the port of that name
    * `:evaluate` - `false` leaves the evaluation out
    * `:compat` - a stage that the installed release of its package cannot run to its end is
      replaced by a stand-in, which the result and the log name; `false` refuses to run instead
    * `:persist` (`false`), `:run_id`, `:assigns`, `:enable_trace`, `:validate_options` - for
      `CrucibleFramework.run/2`

  Returns `{:ok, %{context: context, evaluation: evaluation, stand_ins: stand_ins}}`: the
  `Crucible.Context` of the pipeline, for each task a map with `:task`, `:scorer`, `:metrics` and
  `:results`, and for each stage that was replaced a map with `:stage`, `:module`, `:stand_in`,
  `:package`, `:version`, `:defect` and `:title`. Before anything has started:

    * `{:error, {:unknown_recipe, recipe}}` - no module of that name has `build_spec/1`
    * `{:error, {:missing_packages, packages}}` - add them to the dependencies
    * `{:error, {:defective_stages, stages}}` - with `compat: false`: what would be replaced, each
      as in `stand_ins`; `gen explain D0003` tells more of the defect `"D0003"`
    * `{:error, {:missing_values, names}}` - live values that the stages or the evaluation need
    * `{:error, {:conflicting_values, names}}` - live values that `config` and the options both
      have, and not the same
    * `{:error, {:unused_values, names}}` - a `:sampling_client`, where the recipe asks the model
      nothing
    * `{:error, {:invalid_options, options}}` - epochs or batches below one, which the training
      loops misread; and with `validate_options: :error` the stages that the runner would refuse,
      each with its messages
    * `{:error, {:missing_configuration, keys}}` - what an application must be configured with, as
      `{application, key}`: the `:repo` of the registry, the `:storage` of the feedback
    * `{:error, {:duplicate_config, stage: name, version: version}}` - the registry has a version
      with the same training configuration, and takes each once
    * `{:error, {:preflight, reasons}}` - several of these at once

  and afterwards `{:error, {stage, reason, context}}`: a stage failed, or its training client did,
  at any step; or it took no step (`:no_training_step`). Where a stage raised, `reason` is
  `{exception, stacktrace}`, and `nil` stands for the context that is lost with it. When the
  evaluation fails, `stage` is `:evaluation` and `context` that of the finished pipeline.

  Raises `KeyError` or `ArgumentError` for a key, an option or an adapter that does not exist.
  """
  @spec run(module(), Recipe.config(), keyword()) :: {:ok, result()} | {:error, error()}
  def run(recipe, config \\ %{}, opts \\ []) do
    if is_atom(recipe) and Code.ensure_loaded?(recipe) and
         function_exported?(recipe, :build_spec, 1),
       do: Run.run(recipe, config, opts),
       else: {:error, {:unknown_recipe, recipe}}
  end

  @doc """
  The canonical JSON of `experiment`: every field, keys sorted, no white space.

  See `CrucibleRuntime.Canonical`.
  """
  @spec to_json(CrucibleIR.Experiment.t()) :: String.t()
  def to_json(experiment), do: Canonical.encode(experiment)
end
