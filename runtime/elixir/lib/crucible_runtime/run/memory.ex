defmodule CrucibleRuntime.Run.Memory do
  @moduledoc """
  What is remembered of the training clients of all runs: a table that outlives each of them.

  A run has a number, and an entry for each of its stages: the client, how many sessions were
  started and steps taken, and what first went wrong. The entries of a run whose process ends are
  deleted.
  """

  use GenServer

  @typedoc "A run, as `open/0` numbers it."
  @type run :: pos_integer()

  @typedoc "A stage of a run: its number, and the position of the stage in the pipeline."
  @type key :: {run(), non_neg_integer()}

  @counters [sessions: 3, steps: 4]

  @doc "Starts the owner of the table."
  @spec start_link(term()) :: GenServer.on_start()
  def start_link(_options), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc "Begins a run of the calling process."
  @spec open() :: run()
  def open, do: GenServer.call(__MODULE__, :open)

  @doc "Deletes the entries of a run."
  @spec close(run()) :: :ok
  def close(run), do: GenServer.cast(__MODULE__, {:close, run})

  @doc "Remembers the client of a stage, and how many sessions it has already."
  @spec put(key(), {module(), term()}, non_neg_integer()) :: :ok
  def put(key, client, sessions) do
    :ets.insert(__MODULE__, {key, client, sessions, 0})
    :ok
  end

  @doc "The client of a stage: its module, and its first argument."
  @spec client(key()) :: {module(), term()}
  def client(key), do: :ets.lookup_element(__MODULE__, key, 2)

  @doc "Counts a session or a step of a stage."
  @spec count(key(), :sessions | :steps) :: :ok
  def count(key, what) do
    :ets.update_counter(__MODULE__, key, {Keyword.fetch!(@counters, what), 1})
    :ok
  end

  @doc "Remembers what went wrong with the client of a stage, if it is the first thing that did."
  @spec fail(key(), term()) :: :ok
  def fail({run, stage}, reason) do
    :ets.insert_new(__MODULE__, {{run, stage, :failure}, reason})
    :ok
  end

  @doc """
  What first went wrong in a stage; `:no_training_step` if it has a session and took none,
  `:not_watched` if nothing is known of it, since the owner of the table died.
  """
  @spec failure(key()) :: term() | nil
  def failure({run, stage} = key) do
    case match({{run, stage, :failure}, :"$1"}) ++ match({key, :_, :"$1", :"$2"}) do
      [] -> :not_watched
      [[reason] | _] -> reason
      [[sessions, 0]] when sessions > 0 -> :no_training_step
      [[_sessions, _steps]] -> nil
    end
  end

  @doc "The stages of a run whose clients failed, each with the reason, in the order of stages."
  @spec failures(run()) :: [{non_neg_integer(), term()}]
  def failures(run) do
    {{run, :"$1", :failure}, :"$2"}
    |> match()
    |> Enum.map(&List.to_tuple/1)
    |> Enum.sort_by(&elem(&1, 0))
  end

  defp match(pattern),
    do: if(:ets.whereis(__MODULE__) == :undefined, do: [], else: :ets.match(__MODULE__, pattern))

  @impl true
  def init(_options) do
    :ets.new(__MODULE__, [:named_table, :public, read_concurrency: true])
    {:ok, %{}}
  end

  @impl true
  def handle_call(:open, {pid, _tag}, runs) do
    run = System.unique_integer([:positive])
    {:reply, run, Map.put(runs, Process.monitor(pid), run)}
  end

  @impl true
  def handle_cast({:close, run}, runs) do
    {ended, rest} = Enum.split_with(runs, &match?({_monitor, ^run}, &1))
    Enum.each(ended, fn {monitor, _run} -> Process.demonitor(monitor, [:flush]) end)
    forget(run)
    {:noreply, Map.new(rest)}
  end

  @impl true
  def handle_info({:DOWN, monitor, :process, _pid, _reason}, runs) do
    {run, runs} = Map.pop(runs, monitor)
    forget(run)
    {:noreply, runs}
  end

  def handle_info(_message, runs), do: {:noreply, runs}

  defp forget(run) do
    :ets.match_delete(__MODULE__, {{run, :_}, :_, :_, :_})
    :ets.match_delete(__MODULE__, {{run, :_, :failure}, :_})
  end
end
