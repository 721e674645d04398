defmodule CrucibleRuntime.Run.Watch do
  @moduledoc """
  Stands before the training client of each stage, passes every call on, and remembers what went
  wrong.

  The training loops go on after a step that failed, and say so only in the metrics of that step,
  of which the last alone reach the context: a client that failed, or that was never asked for a
  step, would look like a success, and what it trained would be registered and deployed. So a
  `Gate` follows each training stage and ends the pipeline there.

  A watch is an adapter for the port `CrucibleTrain.Ports.TrainingClient`. Its options hold no
  client and no process, since the loops write them to `config.json`:
  `CrucibleRuntime.Run.Memory` has both.
  """

  alias CrucibleRuntime, as: Runtime
  alias CrucibleRuntime.Run.Memory

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

  @typedoc "Which stage of which run is watched."
  @type watch :: %{run: Memory.run(), stage: non_neg_integer()}

  @typedoc "An exception, or what was thrown or exited with, and where."
  @type crash ::
          {Exception.t() | {:exit | :throw, term()}, Exception.stacktrace()}

  @typedoc "How a pipeline ended."
  @type result :: {:ok, struct()} | {:error, {atom(), term(), struct() | nil}}

  @doc """
  What `run` answers for `experiment` with its training clients watched.

  When a stage crashes, what its client did wrong before is the reason. The context that comes
  back has the experiment as it was.
  """
  @spec over(CrucibleIR.Experiment.t(), (CrucibleIR.Experiment.t() -> result())) :: result()
  def over(experiment, run) do
    :ok = Runtime.Supervisor.ensure_started()
    id = Memory.open()

    try do
      stages = Enum.with_index(experiment.pipeline, &watched(&1, %{run: id, stage: &2}))

      case run.(%{experiment | pipeline: List.flatten(stages)}) do
        {:ok, context} ->
          {:ok, %{context | experiment: experiment}}

        {:error, {stage, reason, nil}} ->
          {:error, blame(experiment, Memory.failures(id), stage, reason)}

        {:error, {stage, reason, context}} ->
          {:error, {stage, reason, %{context | experiment: experiment}}}
      end
    after
      Memory.close(id)
    end
  end

  defp watched(%{options: %{training_client: {ports, session}} = options} = stage, watch) do
    options = %{options | training_client: {behind(watch, ports, 1), session}}
    [%{stage | options: options}, gate(stage, watch)]
  end

  defp watched(%{options: %{training_client: %module{} = client} = options} = stage, watch) do
    :ok = Memory.put(key(watch), {module, client}, 1)
    [%{stage | options: %{options | training_client: %Client{watch: watch}}}, gate(stage, watch)]
  end

  defp watched(%{options: %{ports: %{training_client: _} = ports} = options} = stage, watch),
    do: [%{stage | options: %{options | ports: behind(watch, ports, 0)}}, gate(stage, watch)]

  defp watched(stage, _watch), do: stage

  defp behind(watch, %{training_client: client} = ports, sessions) do
    :ok = Memory.put(key(watch), client, sessions)
    %{ports | training_client: {__MODULE__, Map.to_list(watch)}}
  end

  defp gate(stage, watch), do: %{stage | module: Gate, options: watch}

  defp blame(_experiment, [], stage, reason), do: {stage, reason, nil}

  defp blame(experiment, [{index, first} | _], _stage, _reason),
    do: {Enum.at(experiment.pipeline, index).name, first, nil}

  @doc "What first went wrong with the client of this stage; `:no_training_step` if it took none."
  @spec failure(watch()) :: term() | nil
  def failure(watch), do: watch |> key() |> Memory.failure()

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
    {module, client} = watch |> key() |> Memory.client()

    try do
      answer = module |> apply(function, [client | args]) |> settle.()
      :ok = note(key(watch), function, answer)
      answer
    catch
      kind, reason ->
        :ok = Memory.fail(key(watch), reason(kind, reason, __STACKTRACE__))
        :erlang.raise(kind, reason, __STACKTRACE__)
    end
  end

  @doc """
  What was raised, exited or thrown, as the reason of an error: `{exception, stacktrace}`, or
  `{{kind, reason}, stacktrace}`.
  """
  @spec reason(:error | :exit | :throw, term(), Exception.stacktrace()) :: crash()
  def reason(:error, raised, stacktrace),
    do: {Exception.normalize(:error, raised, stacktrace), stacktrace}

  def reason(kind, reason, stacktrace), do: {{kind, reason}, stacktrace}

  defp note(key, _function, {:error, reason}), do: Memory.fail(key, reason)
  defp note(key, :start_session, _session), do: Memory.count(key, :sessions)
  defp note(key, :optim_step, _future), do: Memory.count(key, :steps)
  defp note(_key, _function, _answer), do: :ok

  defp key(watch), do: {watch[:run], watch[:stage]}
end
