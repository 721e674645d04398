defmodule Verify.Recorder do
  @moduledoc """
  The adapter behind all ports of a proof: it replies to every call, and keeps the calls in order.

  It can be told to fail the n-th call of one function. Nothing leaves the machine, nothing is
  trained.
  """

  use Agent

  @empty %{calls: [], counts: %{}, fail: nil, columns: []}

  def start, do: Agent.start_link(fn -> @empty end, name: __MODULE__)

  @doc "Forgets everything; `plan` is what comes: `:fail` as `%{function: name, nth: n}` from 0, `:columns` of a data set."
  def reset(plan \\ []), do: Agent.update(__MODULE__, fn _ -> Map.merge(@empty, Map.new(plan)) end)

  @doc "Every call since then, in order: `{port, function, arguments}`."
  def calls, do: Agent.get(__MODULE__, &Enum.reverse(&1.calls))

  @doc "The arguments of every call of a training client's function."
  def calls(function), do: for({:training_client, ^function, arguments} <- calls(), do: arguments)

  @doc "The call of a port, which has its adapter's options as first argument; they are not kept."
  def call(port, function, [_options | arguments]), do: record(port, function, arguments)

  def record(port, function, arguments) do
    {nth, state} =
      Agent.get_and_update(__MODULE__, fn state ->
        nth = Map.get(state.counts, {port, function}, 0)
        counts = Map.put(state.counts, {port, function}, nth + 1)
        {{nth, state}, %{state | calls: [{port, function, arguments} | state.calls], counts: counts}}
      end)

    if port == :training_client and state.fail == %{function: function, nth: nth},
      do: {:error, :told_to_fail},
      else: reply(port, function, arguments, state)
  end

  defp reply(:training_client, :start_session, _, _), do: {:ok, :session}
  defp reply(:training_client, :await, _, _), do: {:ok, %{metrics: %{"loss" => 0.5}}}
  defp reply(:training_client, :optim_step, _, _), do: {:ok, :future}
  defp reply(:training_client, :forward_backward, _, _), do: {:ok, :future}
  defp reply(:training_client, :forward_backward_custom, _, _), do: {:ok, :future}
  defp reply(:sampling_client, :start_session, _, _), do: {:ok, :session}
  defp reply(:sampling_client, :sample_stream, _, _), do: {:ok, []}
  defp reply(:sampling_client, function, _, _) when function in [:sample, :compute_logprobs], do: {:ok, :future}
  defp reply(:sampling_client, :await, _, _), do: {:ok, %{sequences: [%{text: "4", stop_reason: "stop"}]}}
  defp reply(:dataset_store, :to_list, [rows | _], _) when is_list(rows), do: {:ok, rows}
  defp reply(:dataset_store, :load_dataset, _, state), do: {:ok, List.duplicate(Map.new(state.columns, &{&1, "4"}), 2)}
  defp reply(:dataset_store, :take, [rows, count | _], _) when is_list(rows), do: {:ok, Enum.take(rows, count)}
  defp reply(:dataset_store, _, [rows | _], _), do: {:ok, rows}
  defp reply(:llm_client, :chat, _, _), do: {:ok, %{content: "4"}}
  defp reply(:embedding_client, :embed_texts, [texts | _], _), do: {:ok, Enum.map(texts, fn _ -> [1.0] end)}
  defp reply(:blob_store, :exists?, _, _), do: true
  defp reply(:blob_store, :read, _, _), do: {:ok, ""}
  defp reply(:blob_store, :stream, _, _), do: {:ok, []}
  defp reply(:hub_client, :list_files, _, _), do: {:ok, []}
  defp reply(:hub_client, _, _, _), do: {:ok, System.tmp_dir!()}
  defp reply(:vector_store, function, _, _) when function in [:query, :get_collection], do: {:ok, []}
  defp reply(_, function, [name | _], _) when function in [:create_collection, :get_or_create_collection], do: {:ok, name}
  defp reply(_, _, _, _), do: :ok
end

defmodule Verify.Direct do
  @moduledoc "A training client that is no port but a struct, as the training loops take one too."

  defstruct []

  def forward_backward(_client, batch) do
    settle(Verify.Recorder.record(:training_client, :forward_backward, [batch]))
  end

  def optim_step(_client, params) do
    settle(Verify.Recorder.record(:training_client, :optim_step, [params]))
  end

  # The loops wait for a task; not all of them accept a plain value.
  defp settle({:error, reason}), do: {:error, reason}
  defp settle(_), do: {:ok, Task.async(fn -> {:ok, %{metrics: %{"loss" => 0.5}}} end)}
end

defmodule Verify.Ports do
  @moduledoc "The ports of the user's `crucible_train`, each with an adapter built from the port's own callbacks."

  @doc "A `CrucibleTrain.Ports` whose adapters all call the recorder."
  def new do
    ports = Module.concat(["CrucibleTrain", "Ports"])
    defaults = ports.new([]) |> Map.from_struct()
    ports.new(ports: for({key, {default, _}} <- defaults, do: {key, {adapter(key, default), []}}))
  end

  # A later release may have more callbacks, or other ports, so they are read from the package.
  defp adapter(key, default) do
    name = Module.concat(["Verify.Adapter", Macro.camelize(to_string(key))])
    if not :erlang.module_loaded(name), do: Module.create(name, functions(key, default), Macro.Env.location(__ENV__))
    name
  end

  defp functions(key, default) do
    for {function, arity} <- callbacks(default) do
      arguments = Macro.generate_arguments(arity, __MODULE__)

      quote do
        def unquote(function)(unquote_splicing(arguments)),
          do: Verify.Recorder.call(unquote(key), unquote(function), unquote(arguments))
      end
    end
  end

  defp callbacks(default) do
    behaviours = for {:behaviour, found} <- default.module_info(:attributes), behaviour <- found, do: behaviour
    if behaviours == [], do: default.__info__(:functions), else: Enum.flat_map(behaviours, & &1.behaviour_info(:callbacks))
  end
end
