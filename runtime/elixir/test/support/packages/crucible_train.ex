# A stand-in for the package of this name in tests: ports, and a training loop that continues after a
# failed step, as that of the package does.
defmodule CrucibleTrain.Adapters.Noop.Silent do
  @moduledoc "The adapter of a port that nobody filled."
end

defmodule CrucibleTrain.Ports do
  @moduledoc "The adapters through which stages reach services."

  @silent {CrucibleTrain.Adapters.Noop.Silent, []}
  defstruct training_client: @silent, sampling_client: @silent, dataset_store: @silent

  def new(ports: adapters) do
    Enum.reduce(adapters, %__MODULE__{}, fn {name, adapter}, ports ->
      adapter = if is_atom(adapter), do: {adapter, []}, else: adapter
      struct!(ports, [{name, adapter}])
    end)
  end
end

for {port, functions} <- [
      TrainingClient: [
        start_session: 1,
        forward_backward: 3,
        optim_step: 2,
        await: 1,
        close_session: 1
      ],
      SamplingClient: [start_session: 1, sample: 3, await: 1, close_session: 1],
      DatasetStore: [load_dataset: 2, take: 2, to_list: 1]
    ] do
  name = port |> Atom.to_string() |> Macro.underscore() |> String.to_atom()

  defmodule Module.concat(CrucibleTrain.Ports, port) do
    @moduledoc false

    for {function, arity} <- functions do
      arguments = Macro.generate_arguments(arity, __MODULE__)

      def unquote(function)(ports, unquote_splicing(arguments)) do
        {module, opts} = Map.fetch!(ports, unquote(name))
        # Adapters are asked for samples with one argument more than callers need to give.
        more = if unquote(function) == :sample, do: [[]], else: []
        apply(module, unquote(function), [opts, unquote_splicing(arguments)] ++ more)
      end
    end
  end
end

defmodule CrucibleTrain.Stages.Loop do
  @moduledoc "A training loop."

  alias CrucibleTrain.Ports.TrainingClient

  alias CrucibleTrain.Ports.TrainingClient

  def run(context, options, batches, rounds) do
    with {:ok, client, done} <- client(options) do
      metrics =
        for round <- rounds, index <- 0..(batches.count.(round) - 1)//1, reduce: nil do
          _ -> step(client, batches.get.(index), options.learning_rate)
        end

      with :ok <- done.(),
           do: {:ok, %{context | metrics: Map.merge(context.metrics, metrics || %{})}}
    end
  end

  defp client(%{training_client: {ports, session}}), do: {:ok, {ports, session}, fn -> :ok end}
  defp client(%{training_client: %_{} = client}), do: {:ok, client, fn -> :ok end}

  defp client(%{ports: %CrucibleTrain.Ports{} = ports} = options) do
    with {:ok, session} <- TrainingClient.start_session(ports, options.training_config),
         do: {:ok, {ports, session}, fn -> TrainingClient.close_session(ports, session) end}
  end

  defp client(_options), do: {:error, :missing_training_client}

  defp step({ports, session}, batch, rate) do
    passed = settled(ports, TrainingClient.forward_backward(ports, session, batch, []))
    stepped = settled(ports, TrainingClient.optim_step(ports, session, rate))
    metrics(passed, stepped)
  end

  defp step(%module{} = client, batch, rate) do
    passed = awaited(module.forward_backward(client, batch))
    metrics(passed, awaited(module.optim_step(client, rate)))
  end

  defp settled(_ports, {:error, reason}), do: {:error, reason}
  defp settled(ports, {:ok, future}), do: TrainingClient.await(ports, future)
  defp settled(ports, future), do: TrainingClient.await(ports, future)

  defp awaited({:ok, %Task{} = task}), do: Task.await(task)
  defp awaited(%Task{} = task), do: Task.await(task)
  defp awaited(answer), do: answer

  defp metrics({:ok, answer}, {:ok, _}), do: answer.metrics
  defp metrics({:error, reason}, _), do: %{"error" => inspect(reason)}
  defp metrics(_, {:error, reason}), do: %{"error" => inspect(reason)}
end

defmodule CrucibleTrain.Stages.SupervisedTrain do
  @moduledoc "The stage that trains on batches of a dataset."

  alias CrucibleTrain.Stages.Loop

  def run(_context, %{train_dataset: nil}), do: {:error, :missing_train_dataset}

  def run(context, options) do
    %module{} = dataset = options.train_dataset
    if path = options[:log_path], do: config(path, options)

    batches = %{
      count: fn epoch -> module.length(module.set_epoch(dataset, epoch)) end,
      get: &module.get_batch(dataset, &1)
    }

    # A call in tail position would not be in the stack trace of a crash.
    answer = Loop.run(context, options, batches, 0..(options.num_epochs - 1)//1)
    answer
  end

  defp config(path, options) do
    File.mkdir_p!(path)

    if inspect(options) =~ "#PID<",
      do: raise(Protocol.UndefinedError, protocol: Jason.Encoder, value: self())

    File.write!(Path.join(path, "config.json"), "{}")
  end
end

defmodule CrucibleTrain.Stages.DPOTrain do
  @moduledoc "The same for pairs of answers."

  defdelegate run(context, options), to: CrucibleTrain.Stages.SupervisedTrain
end

defmodule CrucibleTrain.Types.ModelInput do
  @moduledoc "What a model is given."

  defstruct tokens: []
  def all_tokens(input), do: input.tokens
end
