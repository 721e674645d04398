defmodule CrucibleTrain.Ports.TrainingClient do
  @callback start_session(keyword(), config :: map()) :: {:ok, term()} | {:error, term()}
  @callback optim_step(keyword(), session :: term(), learning_rate :: float()) :: term()
  @callback describe_session(keyword(), session :: term()) :: map()
  @optional_callbacks describe_session: 2
end

defmodule CrucibleTrain.Ports.LLMClient do
  @callback chat(keyword(), [map()], keyword()) :: {:ok, term()} | {:error, term()}
end

defmodule CrucibleTrain.Adapters.Noop.TrainingClient do
  @behaviour CrucibleTrain.Ports.TrainingClient
  @impl true
  def start_session(_, _), do: {:error, :noop}
  @impl true
  def optim_step(_, _, _), do: :noop
end

# Declares no behaviour: the port's name says which one it is for.
defmodule CrucibleTrain.Adapters.Noop.LLMClient do
  def chat(_, _, _), do: {:error, :noop}
end

defmodule CrucibleTrain.Ports do
  @defaults %{
    training_client: {CrucibleTrain.Adapters.Noop.TrainingClient, []},
    llm_client: {CrucibleTrain.Adapters.Noop.LLMClient, [seed: 1]}
  }
  @type t :: %__MODULE__{training_client: {module(), keyword()}, llm_client: {module(), keyword()}}
  defstruct Map.keys(@defaults)

  def new(opts), do: struct!(__MODULE__, Map.merge(@defaults, Map.new(opts)))
end

defmodule CrucibleTrain.Supervised.Config do
  @type lr_schedule :: :linear | :cosine | :constant | String.t() | {:warmup, non_neg_integer(), lr_schedule()}
  @type t :: %__MODULE__{
          training_client: term() | nil,
          ports: CrucibleTrain.Ports.t() | nil,
          training_config: map(),
          train_dataset: term() | nil,
          learning_rate: float(),
          lr_schedule: lr_schedule(),
          num_epochs: pos_integer(),
          batch_size: pos_integer() | nil,
          log_path: String.t() | nil,
          logger: {module(), term()} | nil,
          save_every: non_neg_integer(),
          eval_every: non_neg_integer(),
          adam_beta1: float(),
          adam_beta2: float(),
          adam_eps: float()
        }

  defstruct training_client: nil,
            ports: nil,
            training_config: %{},
            train_dataset: nil,
            learning_rate: 1.0e-4,
            lr_schedule: :linear,
            num_epochs: 1,
            batch_size: nil,
            log_path: nil,
            logger: nil,
            save_every: 0,
            eval_every: 0,
            adam_beta1: 0.9,
            adam_beta2: 0.95,
            adam_eps: 1.0e-8
end

# Below, the struct stands inside the module that runs it, and a plain map is turned into it there.
defmodule CrucibleTrain.RL.Train do
  defmodule Config do
    @type t :: %__MODULE__{
            env_group_builder: struct(),
            token_completer: struct(),
            training_client: term() | nil,
            ports: CrucibleTrain.Ports.t() | nil,
            training_config: map(),
            num_batches: pos_integer(),
            learning_rate: float(),
            log_path: String.t() | nil,
            logger: {module(), term()} | nil
          }
    defstruct env_group_builder: nil,
              token_completer: nil,
              training_client: nil,
              ports: nil,
              training_config: %{},
              num_batches: 1,
              learning_rate: 1.0e-4,
              log_path: nil,
              logger: nil
  end

  def main(%Config{} = config), do: {:ok, %{final_metrics: %{rate: config.learning_rate}}}
  def main(options) when is_map(options), do: main(struct!(Config, options))
end

defmodule CrucibleTrain.Preference.TrainDPO do
  defmodule Config do
    @type t :: %__MODULE__{
            training_client: term() | nil,
            ports: CrucibleTrain.Ports.t() | nil,
            training_config: map(),
            train_dataset: term() | nil,
            learning_rate: float(),
            num_epochs: pos_integer(),
            log_path: String.t() | nil,
            logger: {module(), term()} | nil
          }
    defstruct training_client: nil,
              ports: nil,
              training_config: %{},
              train_dataset: nil,
              learning_rate: 1.0e-4,
              num_epochs: 1,
              log_path: nil,
              logger: nil
  end

  def main(%Config{} = config), do: {:ok, %{final_metrics: %{rate: config.learning_rate}}}
  def main(options) when is_map(options), do: main(struct!(Config, options))
end

defmodule CrucibleTrain.Distillation.TrainOnPolicy do
  defmodule Config do
    @type t :: %__MODULE__{
            rl_dataset: term() | nil,
            teacher_completer: struct() | nil,
            training_client: term() | nil,
            ports: CrucibleTrain.Ports.t() | nil,
            training_config: map(),
            learning_rate: float(),
            num_batches: pos_integer() | nil,
            log_path: String.t() | nil,
            logger: {module(), term()} | nil
          }
    defstruct rl_dataset: nil,
              teacher_completer: nil,
              training_client: nil,
              ports: nil,
              training_config: %{},
              learning_rate: 1.0e-4,
              num_batches: nil,
              log_path: nil,
              logger: nil
  end

  def main(%Config{} = config), do: {:ok, %{final_metrics: %{rate: config.learning_rate}}}
  def main(options) when is_map(options), do: main(struct!(Config, options))
end

defmodule CrucibleTrain.Stages.SupervisedTrain do
  @behaviour Crucible.Stage

  @impl true
  def describe(_) do
    %{
      name: :supervised_train,
      description: "Trains on examples",
      required: [],
      optional: [:epochs, :batch_size, :learning_rate, :optimizer, :loss_fn, :metrics],
      types: %{epochs: :integer, batch_size: :integer, learning_rate: :float, metrics: {:list, :atom}}
    }
  end

  @impl true
  def run(context, options) do
    config = %CrucibleTrain.Supervised.Config{} |> struct!(options)
    {:ok, %{context | metrics: %{rate: config.learning_rate}}}
  end
end

for {name, module, loop, described} <- [
      {:rl_train, RLTrain, CrucibleTrain.RL.Train, [:algorithm, :gamma, :epsilon, :learning_rate, :episodes, :reward_fn]},
      {:dpo_train, DPOTrain, CrucibleTrain.Preference.TrainDPO, [:beta, :epochs, :batch_size, :learning_rate, :reference_model]},
      {:distillation, Distillation, CrucibleTrain.Distillation.TrainOnPolicy,
       [:teacher_model, :student_model, :temperature, :alpha, :epochs]}
    ] do
  defmodule Module.concat(CrucibleTrain.Stages, module) do
    @behaviour Crucible.Stage
    @loop loop
    @described %{name: name, description: "Trains", required: [], optional: described, types: %{}}

    @impl true
    def describe(_), do: @described

    @impl true
    def run(context, options) do
      with {:ok, result} <- @loop.main(options), do: {:ok, %{context | metrics: result.final_metrics}}
    end
  end
end
