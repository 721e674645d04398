defmodule CrucibleRuntime.Run.Watch do
  @moduledoc """
  Stands before the training client of each stage, passes every call on, and remembers what went
  wrong.

  The training loops go on after a step that failed, and say so only in the metrics of that step,
  of which the last alone reach the context: a client that failed, or that was never asked for a
  step, would look like a success, and what it trained would be registered and deployed. So a
  `Gate` follows each training stage and ends the pipeline there.

  A watch is an adapter for the port `CrucibleTrain.Ports.TrainingClient`. Its options hold no
  client and no process, since the loops write them to `config.json`; an `Agent` that lives as
  long as the run holds both.
  """

  defmodule Client do
    @moduledoc "The watch for a client that is a struct: `forward_backward/2`, `optim_step/2`."

    alias CrucibleRuntime.Run.Watch

    @enforce_keys [:watch]
    defstruct [:watch]

    @doc false
    def forward_backward(client, batch), do: call(client, :forward_backward, batch)

    @doc false
    def optim_step(client, params), do: call(client, :optim_step, params)

    # A task belongs to this process, and the loop would wait for it right away.
    defp call(%{watch: watch}, function, argument) do
      Watch.call(watch, function, [argument], fn
        {:ok, %Task{} = task} -> Task.await(task, :infinity)
        %Task{} = task -> Task.await(task, :infinity)
        answer -> answer
      end)
    end
  end

  defmodule Gate do
    @moduledoc "A stage that fails where the one before it should have, under the same name."

    alias CrucibleRuntime.Run.Watch

    # For the runner's option `:validate_options`.
    @doc false
    def describe(_watch) do
      %{name: :gate, description: "Ends the pipeline.", required: [], optional: [], types: %{}}
    end

    @doc false
    def run(context, watch) do
      error = context.metrics["error"] || context.metrics[:error]

      case Watch.failure(watch) do
        nil when is_binary(error) -> {:error, error}
        nil -> {:ok, context}
        reason -> {:error, reason}
      end
    end
  end

  @type watch :: %{run: term(), stage: non_neg_integer()}
  @type result :: {:ok, struct()} | {:error, {atom(), term(), struct() | nil}}

  @doc """
  What `run` answers for `experiment` with its training clients watched.

  When a stage crashes, what its client did wrong before is the reason. The context that comes
  back has the experiment as it was.
  """
  @spec over(CrucibleIR.Experiment.t(), (CrucibleIR.Experiment.t() -> result())) :: result()
  def over(experiment, run) do
    id = {node(), System.unique_integer([:positive])}
    {:ok, agent} = Agent.start_link(fn -> %{} end, name: name(id))

    try do
      stages = Enum.with_index(experiment.pipeline, &watched(&1, %{run: id, stage: &2}))

      case run.(%{experiment | pipeline: List.flatten(stages)}) do
        {:ok, context} ->
          {:ok, %{context | experiment: experiment}}

        {:error, {stage, reason, nil}} ->
          {:error, blame(experiment, Agent.get(agent, & &1), stage, reason)}

        {:error, {stage, reason, context}} ->
          {:error, {stage, reason, %{context | experiment: experiment}}}
      end
    after
      Agent.stop(agent)
    end
  end

  defp watched(%{options: %{training_client: {ports, session}} = options} = stage, watch) do
    options = %{options | training_client: {behind(watch, ports, 1), session}}
    [%{stage | options: options}, gate(stage, watch)]
  end

  defp watched(%{options: %{training_client: %module{} = client} = options} = stage, watch) do
    begin(watch, {module, client}, 1)
    [%{stage | options: %{options | training_client: %Client{watch: watch}}}, gate(stage, watch)]
  end

  defp watched(%{options: %{ports: %{training_client: _} = ports} = options} = stage, watch),
    do: [%{stage | options: %{options | ports: behind(watch, ports, 0)}}, gate(stage, watch)]

  defp watched(stage, _watch), do: stage

  defp behind(watch, %{training_client: client} = ports, sessions) do
    begin(watch, client, sessions)
    %{ports | training_client: {__MODULE__, Map.to_list(watch)}}
  end

  defp gate(stage, watch), do: %{stage | module: Gate, options: watch}

  defp blame(experiment, seen, stage, reason) do
    found = for {index, %{failures: [_ | _] = failures}} <- seen, do: {index, List.last(failures)}

    case found do
      [] -> {stage, reason, nil}
      [{index, first} | _] -> {Enum.at(experiment.pipeline, index).name, first, nil}
    end
  end

  @doc "What first went wrong with the client of this stage; `:no_training_step` if it took none."
  @spec failure(watch()) :: term() | nil
  def failure(watch) do
    case Agent.get(name(watch.run), & &1[watch.stage]) do
      %{failures: [_ | _] = failures} -> List.last(failures)
      %{sessions: sessions, steps: 0} when sessions > 0 -> :no_training_step
      _ -> nil
    end
  end

  @doc false
  def start_session(opts, config), do: call(opts, :start_session, [config])

  @doc false
  def forward_backward(opts, session, datums, kw),
    do: call(opts, :forward_backward, [session, datums, kw])

  @doc false
  def forward_backward_custom(opts, session, datums, loss, kw),
    do: call(opts, :forward_backward_custom, [session, datums, loss, kw])

  @doc false
  def optim_step(opts, session, rate), do: call(opts, :optim_step, [session, rate])

  @doc false
  def await(opts, future), do: call(opts, :await, [future])

  @doc false
  def save_checkpoint(opts, session, path), do: call(opts, :save_checkpoint, [session, path])

  @doc false
  def load_checkpoint(opts, session, path), do: call(opts, :load_checkpoint, [session, path])

  @doc false
  def close_session(opts, session), do: call(opts, :close_session, [session])

  @doc "Calls `function` of the client that `watch` stands for, and remembers how it went."
  @spec call(watch() | keyword(), atom(), [term()], (term() -> term())) :: term()
  def call(watch, function, args, settle \\ & &1) do
    {module, client} = Agent.get(name(watch[:run]), & &1[watch[:stage]].client)
    answer = module |> apply(function, [client | args]) |> settle.()
    remember(watch, &note(&1, function, answer))
    answer
  catch
    kind, reason ->
      remember(watch, &note(&1, function, {:error, reason(kind, reason, __STACKTRACE__)}))
      :erlang.raise(kind, reason, __STACKTRACE__)
  end

  @doc "What was raised, exited or thrown, as the reason of an error."
  @spec reason(:error | :exit | :throw, term(), Exception.stacktrace()) :: term()
  def reason(:error, raised, stacktrace), do: Exception.normalize(:error, raised, stacktrace)
  def reason(kind, reason, _stacktrace), do: {kind, reason}

  defp note(seen, _function, {:error, reason}), do: %{seen | failures: [reason | seen.failures]}
  defp note(seen, :start_session, _session), do: %{seen | sessions: seen.sessions + 1}
  defp note(seen, :optim_step, _future), do: %{seen | steps: seen.steps + 1}
  defp note(seen, _function, _answer), do: seen

  defp begin(watch, client, sessions),
    do: remember(watch, fn _ -> %{client: client, sessions: sessions, steps: 0, failures: []} end)

  defp remember(watch, change) do
    Agent.update(name(watch[:run]), &Map.put(&1, watch[:stage], change.(&1[watch[:stage]])))
  end

  defp name(id), do: {:global, {__MODULE__, id}}
end
