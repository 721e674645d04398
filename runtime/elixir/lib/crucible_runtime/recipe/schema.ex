# Printed from the schemas by `make structs`: change those, not this file.
defmodule CrucibleRuntime.Recipe.Schema do
  @moduledoc """
  What the schemas of the recipes say and no struct does: which values fields and options may
  have, where a stage comes from, and which releases have a stage that cannot run to its end.
  """

  @typedoc """
  What a value must be: its type or types, its bounds, the values that there are, and the rules of
  what it holds. An empty rule allows anything.
  """
  @type rule :: keyword()

  @options [
    distillation: [
      adam_beta1: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_beta2: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_eps: [type: :float, exclusive_minimum: 0],
      adapter: [type: :atom, min_length: 1, pattern: "\\S"],
      compute_post_kl: [type: :boolean],
      eval_every: [type: :integer, minimum: 0],
      group_size: [type: :integer, minimum: 1],
      kl_discount_factor: [type: :float, minimum: 0, maximum: 1],
      kl_penalty_coef: [type: :float, minimum: 0],
      load_checkpoint_path: [type: :string, min_length: 1, pattern: "\\S"],
      lora_rank: [type: :integer, minimum: 1],
      loss: [
        type: :atom,
        enum: [:importance_sampling, :ppo, :cispo, :dro, :gspo, :stable_reinforce]
      ],
      loss_config: [type: :map, additional: [type: [:number, :boolean, :string]]],
      lr_schedule: [type: :atom, enum: [:linear, :cosine, :constant]],
      max_prompt_tokens: [type: :integer, minimum: 1],
      max_steps: [type: :integer, minimum: 1],
      max_tokens: [type: :integer, minimum: 1],
      method: [type: :atom, enum: [:on_policy]],
      num_batches: [type: :integer, minimum: 1],
      num_substeps: [type: :integer, minimum: 1],
      renderer_name: [type: :string, min_length: 1, pattern: "\\S"],
      rolling_save_every: [type: :integer, minimum: 0],
      rolling_ttl_seconds: [type: :integer, minimum: 1],
      shuffle_seed: [type: :integer, minimum: 0, maximum: 9_223_372_036_854_775_807],
      teacher_checkpoint: [type: :string, min_length: 1, pattern: "\\S"],
      teacher_model: [type: :string, min_length: 1, pattern: "\\S"],
      temperature: [type: :float, exclusive_minimum: 0],
      ttl_seconds: [type: :integer, minimum: 1],
      weight_decay: [type: :float, minimum: 0]
    ],
    preference: [
      adam_beta1: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_beta2: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_eps: [type: :float, exclusive_minimum: 0],
      adapter: [type: :atom, min_length: 1, pattern: "\\S"],
      beta: [type: :float, exclusive_minimum: 0],
      eval_every: [type: :integer, minimum: 0],
      infrequent_eval_every: [type: :integer, minimum: 0],
      load_checkpoint_path: [type: :string, min_length: 1, pattern: "\\S"],
      lora_rank: [type: :integer, minimum: 1],
      lr_schedule: [type: :atom, enum: [:linear, :cosine, :constant]],
      max_length: [type: :integer, minimum: 1],
      max_steps: [type: :integer, minimum: 1],
      num_replicas: [type: :integer, minimum: 1],
      reference_model: [type: :string, min_length: 1, pattern: "\\S"],
      renderer_name: [type: :string, min_length: 1, pattern: "\\S"],
      rolling_save_every: [type: :integer, minimum: 0],
      rolling_ttl_seconds: [type: :integer, minimum: 1],
      shuffle_seed: [type: :integer, minimum: 0, maximum: 9_223_372_036_854_775_807],
      swap: [type: :boolean],
      test_size: [type: :integer, minimum: 0],
      ttl_seconds: [type: :integer, minimum: 1],
      weight_decay: [type: :float, minimum: 0]
    ],
    prompt_distillation: [
      adam_beta1: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_beta2: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_eps: [type: :float, exclusive_minimum: 0],
      adapter: [type: :atom, min_length: 1, pattern: "\\S"],
      answer_regex: [type: :string, min_length: 1],
      eval_every: [type: :integer, minimum: 0],
      infrequent_eval_every: [type: :integer, minimum: 0],
      load_checkpoint_path: [type: :string, min_length: 1, pattern: "\\S"],
      lora_rank: [type: :integer, minimum: 1],
      lr_schedule: [type: :atom, enum: [:linear, :cosine, :constant]],
      max_length: [type: :integer, minimum: 1],
      max_steps: [type: :integer, minimum: 1],
      method: [type: :atom, enum: [:prompt]],
      num_samples: [type: :integer, minimum: 1],
      renderer_name: [type: :string, min_length: 1, pattern: "\\S"],
      rolling_save_every: [type: :integer, minimum: 0],
      rolling_ttl_seconds: [type: :integer, minimum: 1],
      save_every_seconds: [type: :float, minimum: 0],
      save_every_tokens: [type: :integer, minimum: 0],
      shuffle_seed: [type: :integer, minimum: 0, maximum: 9_223_372_036_854_775_807],
      source_path: [type: :string, min_length: 1, pattern: "\\S"],
      submit_ahead: [type: :integer, minimum: 0],
      teacher_max_tokens: [type: :integer, minimum: 1],
      teacher_model: [type: :string, min_length: 1, pattern: "\\S"],
      teacher_prompt: [type: :string, min_length: 1, pattern: "\\S"],
      teacher_renderer_name: [type: :string, min_length: 1, pattern: "\\S"],
      teacher_temperature: [type: :float, minimum: 0],
      test_size: [type: :integer, minimum: 0],
      train_on_what: [
        type: :atom,
        enum: [
          :last_assistant_message,
          :last_assistant_turn,
          :all_assistant_messages,
          :all_messages,
          :all_tokens,
          :all_user_and_system_messages,
          :customized
        ]
      ],
      ttl_seconds: [type: :integer, minimum: 1],
      weight_decay: [type: :float, minimum: 0]
    ],
    rl: [
      adam_beta1: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_beta2: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_eps: [type: :float, exclusive_minimum: 0],
      adapter: [type: :atom, min_length: 1, pattern: "\\S"],
      compute_post_kl: [type: :boolean],
      context_overflow_reward: [type: :float],
      convo_prefix: [type: :atom, enum: [:standard, :none]],
      env: [type: :atom, min_length: 1, pattern: "\\S"],
      eval_every: [type: :integer, minimum: 0],
      format_coef: [type: :float, minimum: 0],
      grader: [type: :atom, enum: [:sympy, :math_verify]],
      group_size: [type: :integer, minimum: 1],
      kl_discount_factor: [type: :float, minimum: 0, maximum: 1],
      kl_penalty_coef: [type: :float, minimum: 0],
      kl_reference_checkpoint: [type: :string, min_length: 1, pattern: "\\S"],
      kl_reference_model: [type: :string, min_length: 1, pattern: "\\S"],
      load_checkpoint_path: [type: :string, min_length: 1, pattern: "\\S"],
      lora_rank: [type: :integer, minimum: 1],
      loss: [
        type: :atom,
        enum: [:importance_sampling, :ppo, :cispo, :dro, :gspo, :stable_reinforce]
      ],
      loss_config: [type: :map, additional: [type: [:number, :boolean, :string]]],
      lr_schedule: [type: :atom, enum: [:linear, :cosine, :constant]],
      max_length: [type: :integer, minimum: 1],
      max_steps: [type: :integer, minimum: 1],
      max_steps_off_policy: [type: :integer, minimum: 0],
      max_tokens: [type: :integer, minimum: 1],
      max_turns: [type: :integer, minimum: 1],
      num_batches: [type: :integer, minimum: 1],
      num_minibatches: [type: :integer, minimum: 1],
      num_substeps: [type: :integer, minimum: 1],
      remove_constant_reward_groups: [type: :boolean],
      renderer_name: [type: :string, min_length: 1, pattern: "\\S"],
      rolling_save_every: [type: :integer, minimum: 0],
      rolling_ttl_seconds: [type: :integer, minimum: 1],
      rollout_max_retries: [type: :integer, minimum: 0],
      sandbox_backend: [type: :atom, enum: [:sandboxfusion, :modal, :bubblewrap]],
      shuffle_seed: [type: :integer, minimum: 0, maximum: 9_223_372_036_854_775_807],
      temperature: [type: :float, exclusive_minimum: 0],
      test_size: [type: :integer, minimum: 0],
      timeout_seconds: [type: :integer, minimum: 1],
      ttl_seconds: [type: :integer, minimum: 1],
      weight_decay: [type: :float, minimum: 0]
    ],
    supervised: [
      adam_beta1: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_beta2: [type: :float, minimum: 0, exclusive_maximum: 1],
      adam_eps: [type: :float, exclusive_minimum: 0],
      adapter: [type: :atom, min_length: 1, pattern: "\\S"],
      eval_every: [type: :integer, minimum: 0],
      infrequent_eval_every: [type: :integer, minimum: 0],
      load_checkpoint_path: [type: :string, min_length: 1, pattern: "\\S"],
      lora_rank: [type: :integer, minimum: 1],
      lr_schedule: [type: :atom, enum: [:linear, :cosine, :constant]],
      max_length: [type: :integer, minimum: 1],
      max_steps: [type: :integer, minimum: 1],
      renderer_name: [type: :string, min_length: 1, pattern: "\\S"],
      rolling_save_every: [type: :integer, minimum: 0],
      rolling_ttl_seconds: [type: :integer, minimum: 1],
      save_every_seconds: [type: :float, minimum: 0],
      save_every_tokens: [type: :integer, minimum: 0],
      shuffle_seed: [type: :integer, minimum: 0, maximum: 9_223_372_036_854_775_807],
      submit_ahead: [type: :integer, minimum: 0],
      test_size: [type: :integer, minimum: 0],
      train_on_what: [
        type: :atom,
        enum: [
          :last_assistant_message,
          :last_assistant_turn,
          :all_assistant_messages,
          :all_messages,
          :all_tokens,
          :all_user_and_system_messages,
          :customized
        ]
      ],
      ttl_seconds: [type: :integer, minimum: 1],
      weight_decay: [type: :float, minimum: 0]
    ]
  ]

  @structs %{
    CrucibleIR.Training.Config => [
      batch_size: [type: :integer, minimum: 1],
      checkpoint_every: [type: :integer, nullable: true, minimum: 1],
      dataset_ref: [struct: CrucibleIR.DatasetRef],
      device: [type: :atom],
      early_stopping: [
        type: :map,
        nullable: true,
        properties: [
          min_delta: [type: :float, minimum: 0],
          patience: [type: :integer, minimum: 1]
        ]
      ],
      epochs: [type: :integer, minimum: 1],
      gradient_clipping: [type: :float, nullable: true, exclusive_minimum: 0],
      id: [type: :atom, min_length: 1, pattern: "\\S"],
      learning_rate: [type: :float, exclusive_minimum: 0],
      loss_function: [type: :atom],
      metrics: [type: :list, items: [type: :atom]],
      mixed_precision: [type: :boolean],
      model_ref: [struct: CrucibleIR.ModelRef],
      optimizer: [type: :atom],
      options: [type: :map, nullable: true],
      seed: [type: :integer, nullable: true, minimum: 0, maximum: 9_223_372_036_854_775_807],
      validation_split: [type: :float, nullable: true, exclusive_minimum: 0, exclusive_maximum: 1]
    ],
    CrucibleIR.ModelRef => [
      architecture: [type: :atom, nullable: true],
      artifact_uri: [type: :string, nullable: true],
      framework: [type: :atom],
      id: [type: :string, min_length: 1, pattern: "\\S"],
      metadata: [type: :map, nullable: true],
      name: [type: :string, nullable: true],
      options: [type: :map, nullable: true],
      provider: [type: :atom],
      task: [type: :atom, nullable: true],
      version: [type: :string, nullable: true]
    ],
    CrucibleIR.DatasetRef => [
      format: [type: :atom, nullable: true],
      name: [type: :string, min_length: 1, pattern: "\\S"],
      options: [type: :map, nullable: true],
      provider: [type: :atom],
      schema: [type: :map, nullable: true],
      split: [type: :atom],
      version: [type: :string, nullable: true]
    ]
  }

  @packages [
    crucible_deployment: [
      CrucibleDeployment.Stages.Deploy,
      CrucibleDeployment.Stages.Promote,
      CrucibleDeployment.Stages.Rollback
    ],
    crucible_feedback: [
      CrucibleFeedback.Stages.CheckTriggers,
      CrucibleFeedback.Stages.ExportFeedback
    ],
    crucible_framework: [
      Crucible.Stage.Bench,
      Crucible.Stage.DataChecks,
      Crucible.Stage.Guardrails,
      Crucible.Stage.Report,
      Crucible.Stage.Validate
    ],
    crucible_model_registry: [
      CrucibleModelRegistry.Stages.Promote,
      CrucibleModelRegistry.Stages.Register
    ],
    crucible_train: [
      CrucibleTrain.Stages.DPOTrain,
      CrucibleTrain.Stages.Distillation,
      CrucibleTrain.Stages.RLTrain,
      CrucibleTrain.Stages.SupervisedTrain
    ]
  ]

  @defects [
    %{
      id: "D0002",
      stage: CrucibleTrain.Stages.Distillation,
      package: :crucible_train,
      versions: ">= 0.3.0",
      title: "Distillation fails after its last step"
    },
    %{
      id: "D0003",
      stage: CrucibleTrain.Stages.RLTrain,
      package: :crucible_train,
      versions: ">= 0.3.0",
      title: "RLTrain fails after its last step"
    }
  ]

  @configuration [
    %{
      stage: CrucibleFeedback.Stages.CheckTriggers,
      application: :crucible_feedback,
      key: :storage,
      option: :storage
    },
    %{
      stage: CrucibleFeedback.Stages.ExportFeedback,
      application: :crucible_feedback,
      key: :storage,
      option: :storage
    },
    %{
      stage: CrucibleModelRegistry.Stages.Promote,
      application: :crucible_model_registry,
      key: :repo,
      option: nil
    },
    %{
      stage: CrucibleModelRegistry.Stages.Register,
      application: :crucible_model_registry,
      key: :repo,
      option: nil
    }
  ]

  @doc "The names that `training_config.options` may have in a recipe of this kind."
  @spec options(atom()) :: [atom()]
  def options(kind), do: @options |> Keyword.fetch!(kind) |> Keyword.keys()

  @doc "The rules of a training configuration's fields in a recipe of this kind."
  @spec training_config(atom()) :: [{atom(), rule()}]
  def training_config(kind) do
    options = [properties: Keyword.fetch!(@options, kind), additional: false]

    CrucibleIR.Training.Config
    |> fields()
    |> Keyword.update!(:options, &Keyword.merge(&1, options))
  end

  @doc "The rules of the fields of the struct `module`."
  @spec fields(module()) :: [{atom(), rule()}]
  def fields(module), do: Map.fetch!(@structs, module)

  @doc "The package that has the stage `module`; the module itself where no schema tells."
  @spec package(module()) :: atom()
  def package(module) do
    Enum.find_value(@packages, module, fn {package, modules} -> module in modules && package end)
  end

  @doc """
  The known defects that keep a stage from running to its end: for each its id, the stage, the
  package, a requirement that the versions with the defect meet, and a title.
  """
  @spec defects() :: [
          %{
            id: String.t(),
            stage: module(),
            package: atom(),
            versions: String.t(),
            title: String.t()
          }
        ]
  def defects, do: @defects

  @doc """
  What the application of a stage's package must be configured with: for each the stage, the
  application, the key of its environment, and the option of the stage that may take its place.
  """
  @spec configuration() :: [
          %{stage: module(), application: atom(), key: atom(), option: atom() | nil}
        ]
  def configuration, do: @configuration
end
