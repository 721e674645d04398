# Printed from the schemas by `make structs`: change those, not this file.
defmodule CrucibleRuntime.Recipe.Schema do
  @moduledoc """
  What the schemas of the recipes say and no struct does: the names of options, which numbers are
  floats, where a stage comes from, and which releases have a stage that cannot run to its end.
  """

  @options [
    distillation: [
      :adam_beta1,
      :adam_beta2,
      :adam_eps,
      :adapter,
      :compute_post_kl,
      :eval_every,
      :group_size,
      :kl_discount_factor,
      :kl_penalty_coef,
      :load_checkpoint_path,
      :lora_rank,
      :loss,
      :loss_config,
      :lr_schedule,
      :max_prompt_tokens,
      :max_steps,
      :max_tokens,
      :method,
      :num_batches,
      :num_substeps,
      :renderer_name,
      :rolling_save_every,
      :rolling_ttl_seconds,
      :shuffle_seed,
      :teacher_checkpoint,
      :teacher_model,
      :temperature,
      :ttl_seconds,
      :weight_decay
    ],
    preference: [
      :adam_beta1,
      :adam_beta2,
      :adam_eps,
      :adapter,
      :beta,
      :eval_every,
      :infrequent_eval_every,
      :load_checkpoint_path,
      :lora_rank,
      :lr_schedule,
      :max_length,
      :max_steps,
      :num_replicas,
      :reference_model,
      :renderer_name,
      :rolling_save_every,
      :rolling_ttl_seconds,
      :shuffle_seed,
      :swap,
      :test_size,
      :ttl_seconds,
      :weight_decay
    ],
    prompt_distillation: [
      :adam_beta1,
      :adam_beta2,
      :adam_eps,
      :adapter,
      :answer_regex,
      :eval_every,
      :infrequent_eval_every,
      :load_checkpoint_path,
      :lora_rank,
      :lr_schedule,
      :max_length,
      :max_steps,
      :method,
      :num_samples,
      :renderer_name,
      :rolling_save_every,
      :rolling_ttl_seconds,
      :save_every_seconds,
      :save_every_tokens,
      :shuffle_seed,
      :source_path,
      :submit_ahead,
      :teacher_max_tokens,
      :teacher_model,
      :teacher_prompt,
      :teacher_renderer_name,
      :teacher_temperature,
      :test_size,
      :train_on_what,
      :ttl_seconds,
      :weight_decay
    ],
    rl: [
      :adam_beta1,
      :adam_beta2,
      :adam_eps,
      :adapter,
      :compute_post_kl,
      :context_overflow_reward,
      :convo_prefix,
      :env,
      :eval_every,
      :format_coef,
      :grader,
      :group_size,
      :kl_discount_factor,
      :kl_penalty_coef,
      :kl_reference_checkpoint,
      :kl_reference_model,
      :load_checkpoint_path,
      :lora_rank,
      :loss,
      :loss_config,
      :lr_schedule,
      :max_length,
      :max_steps,
      :max_steps_off_policy,
      :max_tokens,
      :max_turns,
      :num_batches,
      :num_minibatches,
      :num_substeps,
      :remove_constant_reward_groups,
      :renderer_name,
      :rolling_save_every,
      :rolling_ttl_seconds,
      :rollout_max_retries,
      :sandbox_backend,
      :shuffle_seed,
      :temperature,
      :test_size,
      :timeout_seconds,
      :ttl_seconds,
      :weight_decay
    ],
    supervised: [
      :adam_beta1,
      :adam_beta2,
      :adam_eps,
      :adapter,
      :eval_every,
      :infrequent_eval_every,
      :load_checkpoint_path,
      :lora_rank,
      :lr_schedule,
      :max_length,
      :max_steps,
      :renderer_name,
      :rolling_save_every,
      :rolling_ttl_seconds,
      :save_every_seconds,
      :save_every_tokens,
      :shuffle_seed,
      :submit_ahead,
      :test_size,
      :train_on_what,
      :ttl_seconds,
      :weight_decay
    ]
  ]

  @floats [
    [:early_stopping, :min_delta],
    [:gradient_clipping],
    [:learning_rate],
    [:options, :adam_beta1],
    [:options, :adam_beta2],
    [:options, :adam_eps],
    [:options, :beta],
    [:options, :context_overflow_reward],
    [:options, :format_coef],
    [:options, :kl_discount_factor],
    [:options, :kl_penalty_coef],
    [:options, :save_every_seconds],
    [:options, :teacher_temperature],
    [:options, :temperature],
    [:options, :weight_decay],
    [:validation_split]
  ]

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

  @doc "The names that `training_config.options` may have in a recipe of this kind."
  @spec options(atom()) :: [atom()]
  def options(kind), do: Keyword.fetch!(@options, kind)

  @doc "Whether the field of a training configuration at `path`, innermost first, is a float."
  @spec float?([atom()]) :: boolean()
  def float?(path), do: Enum.reverse(path) in @floats

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
end
