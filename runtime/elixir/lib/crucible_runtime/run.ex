defmodule CrucibleRuntime.Run do
  @moduledoc """
  One run of a recipe: checks what is there, trains, looks whether it really did, evaluates.

  `CrucibleRuntime.run/3` says what goes in and what comes out.
  """

  require Logger

  alias CrucibleRuntime, as: Runtime
  alias CrucibleRuntime.Recipe
  alias CrucibleRuntime.Run.Evaluation
  alias CrucibleRuntime.Run.Preflight
  alias CrucibleRuntime.Run.Watch
  alias CrucibleRuntime.StandIns

  # Packages that are looked for before anything of theirs is called.
  @compile {:no_warn_undefined, [CrucibleFramework, CrucibleTrain.Ports]}

  @runner_options [:run_id, :persist, :assigns, :enable_trace, :validate_options]

  @doc false
  @spec run(module(), Recipe.config(), keyword()) ::
          {:ok, Runtime.result()} | {:error, Runtime.error()}
  def run(recipe, config, opts) do
    config = Recipe.config!(recipe.config_schema(), config)
    supplied = supplied(config)
    known = [:evaluate, :compat | @runner_options] ++ Map.keys(supplied)
    opts = Keyword.validate!(opts, known)
    runner_options = opts |> Keyword.take(@runner_options) |> Keyword.put_new(:persist, false)

    live =
      Map.new(supplied, fn {name, own} -> {name, if(is_nil(own), do: opts[name], else: own)} end)

    evaluation = if Keyword.get(opts, :evaluate, true), do: recipe.evaluation()
    # Adapters are no ports before a package has made them such, and it may be missing.
    experiment = config |> Map.replace(:ports, nil) |> recipe.build_spec()
    missing = Preflight.packages(experiment, evaluation)
    {refused, stand_ins} = stand_ins(experiment, Keyword.get(opts, :compat, true))
    live = %{live | ports: ports(live.ports)}
    experiment = Runtime.inject(experiment, live)

    run = %{
      experiment: experiment,
      evaluation: evaluation,
      live: live,
      needs: recipe.needs(),
      twice: twice(supplied, opts),
      evaluate: Keyword.get(opts, :evaluate, true),
      options: runner_options
    }

    with :ok <- ready(missing ++ refused ++ Preflight.problems(run)),
         :ok <- StandIns.report(stand_ins),
         {:ok, context} <- train(experiment, stand_ins, runner_options),
         {:ok, scores} <- Evaluation.run(evaluation, live, context) do
      {:ok, %{context: context, evaluation: scores, stand_ins: stand_ins}}
    end
  end

  defp ready([]), do: :ok
  defp ready([problem]), do: {:error, problem}
  defp ready(problems), do: {:error, {:preflight, problems}}

  # What `config` and the options both have, and not the same.
  defp twice(supplied, opts) do
    for {name, own} when not is_nil(own) <- supplied,
        other = opts[name],
        not is_nil(other) and other != own,
        do: name
  end

  # The live values that `config` has; options supply those that are `nil`.
  defp supplied(config) do
    live = config |> Map.from_struct() |> Map.delete(:training_config)
    Map.merge(%{ports: nil, sampling_client: nil}, live)
  end

  defp ports(nil), do: nil
  defp ports(ports) when is_struct(ports, CrucibleTrain.Ports), do: ports

  defp ports(adapters) do
    if Code.ensure_loaded?(CrucibleTrain.Ports), do: CrucibleTrain.Ports.new(ports: adapters)
  end

  # What nothing can stand in for is refused in any case.
  defp stand_ins(experiment, compat?) do
    defective = StandIns.defective(experiment)

    case Enum.reject(defective, &(compat? and not is_nil(&1.stand_in))) do
      [] -> {[], defective}
      refused -> {[defective_stages: Enum.map(refused, &Map.delete(&1, :stand_in))], defective}
    end
  end

  # The context that comes back has the experiment as it was, with the packages' own stages.
  defp train(experiment, stand_ins, runner_options) do
    Watch.over(experiment, fn watched ->
      running = StandIns.put(watched, stand_ins)

      try do
        CrucibleFramework.run(running, runner_options)
      catch
        kind, reason ->
          Logger.error(Exception.format(kind, reason, __STACKTRACE__))
          stage = crashed(running, __STACKTRACE__)
          {:error, {stage, Watch.reason(kind, reason, __STACKTRACE__), nil}}
      end
    end)
  end

  # The runner does not say in which stage it was; the calls that are left of it do.
  defp crashed(experiment, stacktrace) do
    modules = Enum.map(stacktrace, &elem(&1, 0))
    Enum.find_value(experiment.pipeline, &(&1.module in modules && &1.name))
  end
end
