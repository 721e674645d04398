defmodule Verify.Outcome do
  @moduledoc "Runs a function and returns how it ended: a value, an error, an exception with the function that raised it, or a timeout."

  @patience 60_000

  @spec of((-> term())) :: map()
  def of(work) do
    me = self()
    reference = make_ref()
    {pid, monitor} = spawn_monitor(fn -> send(me, {reference, ended(work)}) end)

    receive do
      {^reference, outcome} ->
        Process.demonitor(monitor, [:flush])
        outcome

      {:DOWN, ^monitor, :process, ^pid, reason} ->
        raised(:exit, reason, [])
    after
      @patience ->
        Process.exit(pid, :kill)
        %{status: :raised, exception: "Timeout", function: nil, message: "no end after #{div(@patience, 1000)} seconds"}
    end
  end

  defp ended(work) do
    work.() |> result()
  catch
    kind, reason -> raised(kind, reason, __STACKTRACE__)
  end

  defp result({:ok, %{context: context}}), do: ok(context)
  defp result({:ok, context}), do: ok(context)
  # The facade gives an exception of a stage as the reason, with its stack.
  defp result({:error, {stage, {exception, stack}, _}}) when is_exception(exception) and is_list(stack),
    do: raised(:error, exception, stack) |> Map.put(:stage, stage)

  defp result({:error, {stage, reason, _}}), do: %{status: :error, stage: stage, reason: inspect(reason)}
  defp result({:error, {name, reason}}), do: %{status: :error, stage: nil, reason: inspect({name, reason})}
  defp result(other), do: %{status: :error, stage: nil, reason: inspect(other)}

  defp ok(%{metrics: metrics, assigns: assigns}) do
    error = Map.get(metrics, "error") || Map.get(metrics, :error)
    %{status: :ok, completed: Map.get(assigns, :completed_stages, []), error: error && inspect(error)}
  end

  defp ok(_), do: %{status: :ok, completed: [], error: nil}

  defp raised(:error, error, stack) do
    exception = Exception.normalize(:error, error, stack)
    %{status: :raised, stage: nil, exception: inspect(exception.__struct__), function: function(exception, stack), message: Exception.message(exception)}
  end

  defp raised(kind, reason, stack),
    do: %{status: :raised, stage: nil, exception: to_string(kind), function: function(nil, stack), message: inspect(reason)}

  defp function(%{module: module, function: function, arity: arity}, _) when is_atom(module) and module != nil,
    do: "#{inspect(module)}.#{function}/#{arity}"

  defp function(_, [{module, function, arity, _} | _]),
    do: "#{inspect(module)}.#{function}/#{if is_list(arity), do: length(arity), else: arity}"

  defp function(_, _), do: nil
end

defmodule Verify.Seen do
  @moduledoc "Summarizes the recorder's calls for the proofs."

  alias Verify.Recorder

  @doc "Learning rates in order, sizes of batches, and the configurations that sessions began with."
  def summary do
    steps = Recorder.calls(:forward_backward) ++ Recorder.calls(:forward_backward_custom)

    %{
      rates: for([_, rate] <- Recorder.calls(:optim_step), do: rate),
      batches: for([_, datums | _] <- steps, is_list(datums), do: length(datums)),
      sessions: for([config] <- Recorder.calls(:start_session), do: json(config)),
      closed: length(Recorder.calls(:close_session))
    }
  end

  defp json(config) do
    Verify.Run.facade().to_json(config)
  rescue
    _ -> inspect(config)
  end
end

defmodule Verify.Run do
  @moduledoc """
  One run of an experiment with the user's own pipeline runner, nothing persisted, before the
  recorder's ports.
  """

  alias Verify.{Live, Outcome, Recorder, Repo, Seen}

  @doc "The stages of `experiment` that `names` lists, run; what came of it, and what the client saw."
  def stages(experiment, names, rounds, opts \\ []) do
    experiment = %{experiment | pipeline: Enum.filter(experiment.pipeline, &(&1.name in names))}
    {live, opts} = Keyword.pop(opts, :live, Live.values(rounds))
    Recorder.reset()
    experiment = facade().inject(experiment, live)
    outcome = Outcome.of(fn -> runner().run(experiment, [persist: false] ++ opts) end)
    %{outcome: outcome, seen: Seen.summary(), calls: Recorder.calls()}
  end

  @doc "The facade of the generated project, as its user calls it; the recipe is changed by `change` on the way."
  def facade(recipe, %{overrides: overrides, rounds: rounds}, change, plan \\ [], opts \\ []) do
    Recorder.reset(plan)
    Repo.reset()
    live = rounds |> Live.values() |> Map.take([:ports | Map.keys(recipe.default_config())])
    live = Map.to_list(live) ++ opts

    outcome =
      Outcome.of(fn ->
        Process.put(Verify.Altered, {recipe, change})
        facade().run(Verify.Altered, %{training_config: overrides}, live)
      end)

    %{outcome: outcome, seen: Seen.summary()}
  end

  def facade, do: :persistent_term.get(__MODULE__)
  defp runner, do: Module.concat(["CrucibleFramework"])
end

defmodule Verify.Altered do
  @moduledoc "A recipe with another pipeline: stages in memory in place of ones that reach outside, none that is not here."

  def name, do: recipe().name()
  def description, do: recipe().description()
  def config_schema, do: recipe().config_schema()
  def default_config, do: recipe().default_config()
  def needs, do: recipe().needs()
  def training_config(overrides), do: recipe().training_config(overrides)
  def evaluation, do: recipe().evaluation()

  def build_spec(config) do
    {recipe, change} = Process.get(__MODULE__)
    experiment = recipe.build_spec(config)
    %{experiment | pipeline: change.(experiment.pipeline)}
  end

  defp recipe, do: __MODULE__ |> Process.get() |> elem(0)
end
