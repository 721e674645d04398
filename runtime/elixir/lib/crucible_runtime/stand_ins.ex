defmodule CrucibleRuntime.StandIns do
  @moduledoc """
  Stages that run in the place of stages which the installed release of their package cannot run
  to their end.

  In crucible_train 0.3.0 the loops of `CrucibleTrain.Stages.RLTrain` and
  `CrucibleTrain.Stages.Distillation` return a list with the metrics of each batch, and the
  stages fail on it after all training is done. The stages here call the same loops, and give the
  pipeline the metrics of the last batch.

  An experiment always names the stages of the packages. `CrucibleRuntime.run/3` looks up
  the versions of the installed packages and uses these modules only where a release is known to
  have such a defect; its option `compat: false` refuses instead.
  """

  require Logger

  alias CrucibleRuntime.Recipe.Schema

  @stand_ins %{
    CrucibleTrain.Stages.RLTrain => __MODULE__.RLTrain,
    CrucibleTrain.Stages.Distillation => __MODULE__.Distillation
  }

  @typedoc "A stage that the installed release of its package cannot run to its end."
  @type defective :: %{
          stage: atom(),
          module: module(),
          package: atom(),
          version: String.t(),
          defect: String.t(),
          title: String.t(),
          stand_in: module() | nil
        }

  @doc """
  The stages of `experiment` that cannot run to their end, in the order of the pipeline.

  A package of unknown version has no known defects.
  """
  @spec defective(CrucibleIR.Experiment.t()) :: [defective()]
  def defective(experiment) do
    for %{name: name, module: module} <- experiment.pipeline,
        defect <- Schema.defects(),
        defect.stage == module,
        version = version(defect.package),
        Version.match?(version, defect.versions) do
      %{
        stage: name,
        module: module,
        package: defect.package,
        version: to_string(version),
        defect: defect.id,
        title: defect.title,
        stand_in: @stand_ins[module]
      }
    end
  end

  defp version(package) do
    # Not every application is started, or even loaded, where a recipe runs.
    Application.load(package)

    case Version.parse(to_string(Application.spec(package, :vsn))) do
      {:ok, version} -> version
      :error -> nil
    end
  end

  @doc "The `experiment` with stand-ins in the place of the `defective` stages."
  @spec put(CrucibleIR.Experiment.t(), [defective()]) :: CrucibleIR.Experiment.t()
  def put(experiment, defective) do
    modules = Map.new(defective, &{&1.module, &1.stand_in})
    pipeline = Enum.map(experiment.pipeline, &%{&1 | module: modules[&1.module] || &1.module})
    %{experiment | pipeline: pipeline}
  end

  @doc "Logs which stages run in the place of others."
  @spec report([defective()]) :: :ok
  def report(defective) do
    Enum.each(defective, fn each ->
      Logger.warning(
        "stage #{each.stage}: #{inspect(each.stand_in)} runs in the place of " <>
          "#{inspect(each.module)}, of which #{each.package} #{each.version} has the known " <>
          "defect #{each.defect} (#{each.title})"
      )
    end)
  end

  @doc false
  def describe(name, description, options) do
    %{
      name: name,
      description: description,
      required: [],
      optional: options,
      types: %{learning_rate: :float}
    }
  end

  @doc false
  def merge({:ok, %{metrics: metrics}}, context) when is_list(metrics) do
    last = List.last(metrics) || %{}
    {:ok, %{context | metrics: Map.merge(context.metrics, last)}}
  end

  # What a repaired release answers.
  def merge({:ok, result}, context) do
    {:ok, %{context | metrics: Map.merge(context.metrics, result[:metrics] || %{})}}
  end

  def merge({:error, reason}, _context), do: {:error, reason}
end

defmodule CrucibleRuntime.StandIns.RLTrain do
  @moduledoc """
  Stands in for `CrucibleTrain.Stages.RLTrain`, with the options of
  `CrucibleTrain.RL.Train.Config`.
  """

  alias CrucibleRuntime.StandIns
  alias CrucibleTrain.RL.Train

  @compile {:no_warn_undefined, Train}

  @options [
    :training_config,
    :ports,
    :env_group_builder,
    :token_completer,
    :training_client,
    :log_path,
    :logger,
    :num_batches,
    :learning_rate
  ]

  @doc "The stage that this one stands in for."
  @spec stands_for() :: module()
  def stands_for, do: CrucibleTrain.Stages.RLTrain

  @doc "The options of the stage, as `Crucible.Stage` asks for them."
  @spec describe(map()) :: map()
  def describe(_options), do: StandIns.describe(:rl_train, "Reinforcement learning.", @options)

  @doc "Trains; raises `KeyError` for an option that the loop does not have."
  @spec run(struct(), map()) :: {:ok, struct()} | {:error, term()}
  def run(context, options),
    do: options |> Train.main() |> StandIns.merge(context)
end

defmodule CrucibleRuntime.StandIns.Distillation do
  @moduledoc """
  Stands in for `CrucibleTrain.Stages.Distillation`, with the options of
  `CrucibleTrain.Distillation.TrainOnPolicy.Config`.
  """

  alias CrucibleRuntime.StandIns
  alias CrucibleTrain.Distillation.TrainOnPolicy

  @compile {:no_warn_undefined, TrainOnPolicy}

  @options [
    :training_config,
    :ports,
    :rl_dataset,
    :teacher_completer,
    :training_client,
    :log_path,
    :logger,
    :num_batches,
    :learning_rate
  ]

  @doc "The stage that this one stands in for."
  @spec stands_for() :: module()
  def stands_for, do: CrucibleTrain.Stages.Distillation

  @doc "The options of the stage, as `Crucible.Stage` asks for them."
  @spec describe(map()) :: map()
  def describe(_options),
    do: StandIns.describe(:distillation, "Distillation of a teacher into a student.", @options)

  @doc "Trains; raises `KeyError` for an option that the loop does not have."
  @spec run(struct(), map()) :: {:ok, struct()} | {:error, term()}
  def run(context, options),
    do: options |> TrainOnPolicy.main() |> StandIns.merge(context)
end
