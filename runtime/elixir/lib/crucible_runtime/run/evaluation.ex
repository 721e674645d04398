defmodule CrucibleRuntime.Run.Evaluation do
  @moduledoc """
  What follows the pipeline: the tasks of a recipe, put to the model with
  `TinkexCookbook.Eval.Runner`.

  The runner scores a sample that failed as an empty output, which can even be the right one. Here
  it scores 0.0, and a task of which every sample failed fails the evaluation.
  """

  require Logger

  alias CrucibleRuntime.Run.Sampler
  alias CrucibleRuntime.Run.Watch

  alias CrucibleTrain.Ports.DatasetStore
  alias TinkexCookbook.Eval.Runner

  @compile {:no_warn_undefined, [DatasetStore, Runner]}

  @doc "The modules that `evaluation` needs, each with its package."
  @spec packages(map() | nil) :: [{module(), atom()}]
  def packages(nil), do: []
  def packages(_evaluation), do: [{Runner, :tinkex_cookbook}]

  @doc "The names of what `evaluation` needs and `live` does not have."
  @spec missing(map() | nil, map()) :: [atom()]
  def missing(nil, _live), do: []

  def missing(evaluation, live) do
    client = if is_nil(live.sampling_client), do: [:sampling_client], else: []
    store = if Enum.any?(evaluation.tasks, & &1[:dataset]), do: [:dataset_store], else: []
    Enum.reject(client ++ store, &adapter?(live.ports, &1))
  end

  # A port that nobody filled has an adapter that answers every call with an error.
  defp adapter?(nil, _port), do: false

  defp adapter?(ports, port) do
    {module, _opts} = Map.fetch!(ports, port)
    not match?(["CrucibleTrain", "Adapters", "Noop" | _], Module.split(module))
  end

  @doc "Every task of `evaluation` with its metrics and results; `context` is that of the run."
  @spec run(map() | nil, map(), struct()) :: {:ok, [map()]} | {:error, {atom(), term(), struct()}}
  def run(nil, _live, _context), do: {:ok, []}

  def run(evaluation, live, context) do
    with {:ok, tasks} <- load(evaluation.tasks, live.ports),
         {:ok, scores} <- ask(tasks, evaluation, live, context) do
      {:ok, scores}
    else
      {:error, reason} -> {:error, {:evaluation, reason, context}}
    end
  catch
    kind, reason ->
      Logger.error(Exception.format(kind, reason, __STACKTRACE__))
      {:error, {:evaluation, Watch.reason(kind, reason, __STACKTRACE__), context}}
  end

  defp load(tasks, ports) do
    each(tasks, fn task ->
      case samples(task, ports) do
        {:ok, []} -> {:error, {task.name, :no_samples}}
        {:ok, samples} -> {:ok, Map.put(task, :samples, samples)}
        {:error, reason} -> {:error, {task.name, reason}}
      end
    end)
  end

  defp samples(%{samples: samples}, _ports), do: {:ok, samples}

  defp samples(%{dataset: dataset} = task, ports) do
    options = [split: dataset.split, revision: dataset.version]
    options = Enum.reject(options, fn {_name, value} -> is_nil(value) end)

    with {:ok, data} <- DatasetStore.load_dataset(ports, to_string(dataset.name), options),
         {:ok, data} <- take(ports, data, task[:limit]),
         {:ok, rows} <- DatasetStore.to_list(ports, data) do
      {:ok, rows |> Enum.with_index(1) |> Enum.map(&sample(&1, task))}
    end
  end

  defp sample({row, number}, task) do
    %{
      id: to_string(number),
      input: column(row, task.input_column),
      target: row |> column(task.target_column) |> final()
    }
  end

  # The last line of a worked solution as GSM8K has it is the answer; no model writes the rest of it word for word.
  defp final(target) do
    case Regex.run(~r/\n#### ?([^\n]+)\s*\z/, target) do
      [_all, answer] -> answer |> String.trim() |> String.replace(",", "")
      nil -> target
    end
  end

  defp take(_ports, data, nil), do: {:ok, data}
  defp take(ports, data, limit), do: DatasetStore.take(ports, data, limit)

  # Rows have text or atoms as keys, depending on the store.
  defp column(row, name) do
    case Enum.find(row, fn {key, _value} -> to_string(key) == name end) do
      {_key, value} -> to_string(value)
      nil -> raise KeyError, key: name, term: Map.keys(row)
    end
  end

  defp ask(tasks, evaluation, live, context) do
    with {:ok, client} <- client(live, context) do
      settings = Map.take(evaluation, [:temperature, :max_tokens, :stop])

      try do
        each(tasks, &score(&1, Map.put(settings, :sampling_client, client)))
      after
        Sampler.close(client)
      end
    end
  end

  defp client(%{sampling_client: nil, ports: ports}, context),
    do: Sampler.open(ports, context.experiment.training_config)

  defp client(%{sampling_client: make}, context) when is_function(make, 1),
    do: {:ok, make.(context)}

  defp client(%{sampling_client: client}, _context), do: {:ok, client}

  defp score(task, settings) do
    {:ok, results} = Runner.run(task.samples, settings)
    failed = for %{error: error} <- results, do: error

    if length(failed) == length(results) do
      {:error, {task.name, {:every_sample_failed, hd(failed)}}}
    else
      results = results |> Runner.score_results(task.scorer) |> Enum.map(&without_luck/1)
      metrics = Runner.compute_metrics(results)
      {:ok, %{task: task.name, scorer: task.scorer, metrics: metrics, results: results}}
    end
  end

  defp without_luck(%{error: _} = result), do: %{result | score: 0.0}
  defp without_luck(result), do: result

  # What `fun` answers for each item, or its first error.
  defp each([], _fun), do: {:ok, []}

  defp each([item | items], fun) do
    with {:ok, answer} <- fun.(item),
         {:ok, answers} <- each(items, fun),
         do: {:ok, [answer | answers]}
  end
end
