defmodule CrucibleIR.Backend.Capabilities do
  @moduledoc """
  What an inference backend can do, and its limits and prices.

  - `:backend_id` - Name of the backend.
  - `:provider` - Who runs the backend.
  - `:models` - Models that the backend serves.
  - `:default_model` - Model that is used where a request names none.
  - `:supports_streaming` - Whether answers can be streamed.
  - `:supports_tools` - Whether the model can call tools.
  - `:supports_vision` - Whether prompts can hold images.
  - `:supports_audio` - Whether prompts can hold audio.
  - `:supports_json_mode` - Whether answers can be forced to be JSON.
  - `:supports_extended_thinking` - Whether the model can think at length before it answers.
  - `:supports_caching` - Whether prompts can be cached.
  - `:max_tokens` - Longest answer, in tokens.
  - `:max_context_length` - Longest prompt and answer together, in tokens.
  - `:max_images_per_request` - Most images in one request.
  - `:requests_per_minute` - Most requests in one minute.
  - `:tokens_per_minute` - Most tokens in one minute.
  - `:cost_per_million_input` - Price of a million input tokens, in US dollars.
  - `:cost_per_million_output` - Price of a million output tokens, in US dollars.
  - `:metadata` - Facts about the backend that nothing reads.
  """

  @enforce_keys [:backend_id, :provider]
  defstruct backend_id: nil,
            provider: nil,
            models: [],
            default_model: nil,
            supports_streaming: true,
            supports_tools: true,
            supports_vision: false,
            supports_audio: false,
            supports_json_mode: true,
            supports_extended_thinking: false,
            supports_caching: false,
            max_tokens: nil,
            max_context_length: nil,
            max_images_per_request: nil,
            requests_per_minute: nil,
            tokens_per_minute: nil,
            cost_per_million_input: nil,
            cost_per_million_output: nil,
            metadata: %{}

  @type t :: %__MODULE__{
          backend_id: atom(),
          provider: String.t(),
          models: [String.t()],
          default_model: String.t() | nil,
          supports_streaming: boolean(),
          supports_tools: boolean(),
          supports_vision: boolean(),
          supports_audio: boolean(),
          supports_json_mode: boolean(),
          supports_extended_thinking: boolean(),
          supports_caching: boolean(),
          max_tokens: integer() | nil,
          max_context_length: integer() | nil,
          max_images_per_request: integer() | nil,
          requests_per_minute: integer() | nil,
          tokens_per_minute: integer() | nil,
          cost_per_million_input: float() | nil,
          cost_per_million_output: float() | nil,
          metadata: map()
        }
end

defmodule CrucibleIR.Backend.Completion do
  @moduledoc """
  What an inference backend answered to one prompt.

  - `:choices` - The answers, best first.
  - `:model` - The model that answered.
  - `:usage` - Tokens that the request used.
  - `:latency_ms` - Time until the whole answer, in milliseconds.
  - `:time_to_first_token_ms` - Time until the first token, in milliseconds.
  - `:request_id` - Name of the request.
  - `:trace_id` - Name of the trace that the request belongs to.
  - `:raw_response` - The backend's answer as it came.
  - `:metadata` - Facts about the answer that nothing reads.
  """

  defstruct choices: [],
            model: nil,
            usage: nil,
            latency_ms: nil,
            time_to_first_token_ms: nil,
            request_id: nil,
            trace_id: nil,
            raw_response: nil,
            metadata: %{}

  @type t :: %__MODULE__{
          choices: [map()],
          model: String.t() | nil,
          usage: map() | nil,
          latency_ms: integer() | nil,
          time_to_first_token_ms: integer() | nil,
          request_id: String.t() | nil,
          trace_id: String.t() | nil,
          raw_response: map() | nil,
          metadata: map()
        }
end

defmodule CrucibleIR.Backend.Options do
  @moduledoc """
  How an inference backend samples its answer.

  - `:model` - The model to ask; left out, the backend's default.
  - `:temperature` - Sampling temperature; 0 picks the likeliest token.
  - `:max_tokens` - Longest answer, in tokens.
  - `:top_p` - Sample only from the likeliest tokens that together have this probability, above 0 up to 1.
  - `:top_k` - Sample only from this many likeliest tokens.
  - `:frequency_penalty` - Penalty on tokens by how often they have come up, from -2 to 2.
  - `:presence_penalty` - Penalty on tokens that have come up at all, from -2 to 2.
  - `:stop` - Texts that end the answer.
  - `:response_format` - Form of the answer.
  - `:json_schema` - JSON Schema that the answer must fit, where response_format is json_schema.
  - `:stream` - Whether the answer is streamed.
  - `:cache_control` - How the prompt is cached.
  - `:extended_thinking` - Whether the model thinks at length before it answers.
  - `:thinking_budget_tokens` - Most tokens that the thinking may take.
  - `:seed` - Seed of the sampling.
  - `:timeout_ms` - Longest wait for the answer, in milliseconds.
  - `:extra` - Settings that only this backend knows.
  """

  defstruct model: nil,
            temperature: nil,
            max_tokens: nil,
            top_p: nil,
            top_k: nil,
            frequency_penalty: nil,
            presence_penalty: nil,
            stop: nil,
            response_format: nil,
            json_schema: nil,
            stream: false,
            cache_control: nil,
            extended_thinking: false,
            thinking_budget_tokens: nil,
            seed: nil,
            timeout_ms: nil,
            extra: %{}

  @type t :: %__MODULE__{
          model: String.t() | nil,
          temperature: float() | nil,
          max_tokens: integer() | nil,
          top_p: float() | nil,
          top_k: integer() | nil,
          frequency_penalty: float() | nil,
          presence_penalty: float() | nil,
          stop: [String.t()] | nil,
          response_format: atom() | nil,
          json_schema: map() | nil,
          stream: boolean(),
          cache_control: atom() | nil,
          extended_thinking: boolean(),
          thinking_budget_tokens: integer() | nil,
          seed: integer() | nil,
          timeout_ms: integer() | nil,
          extra: map()
        }
end

defmodule CrucibleIR.Backend.Prompt do
  @moduledoc """
  What is asked of an inference backend.

  - `:messages` - The conversation so far, oldest first.
  - `:system` - The system prompt.
  - `:tools` - Tools that the model may call, each as the backend describes tools.
  - `:tool_choice` - Whether, or which, tool must be called.
  - `:options` - How the answer is sampled.
  - `:request_id` - Name of the request.
  - `:trace_id` - Name of the trace that the request belongs to.
  - `:metadata` - Facts about the request that nothing reads.
  """

  defstruct messages: [],
            system: nil,
            tools: nil,
            tool_choice: nil,
            options: %CrucibleIR.Backend.Options{},
            request_id: nil,
            trace_id: nil,
            metadata: %{}

  @type t :: %__MODULE__{
          messages: [map()],
          system: String.t() | nil,
          tools: [map()] | nil,
          tool_choice: atom() | map() | nil,
          options: CrucibleIR.Backend.Options.t(),
          request_id: String.t() | nil,
          trace_id: String.t() | nil,
          metadata: map()
        }
end

defmodule CrucibleIR.BackendRef do
  @moduledoc """
  The backend that an experiment runs on; a bare string is its id.

  - `:id` - Name of the backend.
  - `:model_version` - Version of the model that the backend should serve.
  - `:endpoint_url` - URL under which the backend is reached.
  - `:deployment_id` - The deployment of the backend to use.
  - `:fallback` - The backend to use where this one fails.
  - `:profile` - Which of the backend's named configurations to use.
  - `:options` - Further settings, passed on as they are.
  """

  @enforce_keys [:id]
  defstruct id: nil,
            model_version: nil,
            endpoint_url: nil,
            deployment_id: nil,
            fallback: nil,
            profile: :default,
            options: nil

  @type t :: %__MODULE__{
          id: atom(),
          model_version: String.t() | nil,
          endpoint_url: String.t() | nil,
          deployment_id: atom() | nil,
          fallback: CrucibleIR.BackendRef.t() | nil,
          profile: atom(),
          options: map() | nil
        }
end

defmodule CrucibleIR.DatasetRef do
  @moduledoc """
  A data set by name, origin and split; a bare string is its name.

  - `:name` - Which data set: a name that the provider knows, such as `HuggingFaceH4/no_robots`, or a path.
  - `:version` - Version or revision of the data set.
  - `:format` - Format of the files.
  - `:schema` - JSON Schema of one row.
  - `:provider` - Who provides the data set.
  - `:split` - Which split of the data set is used.
  - `:options` - Further settings, passed on as they are, such as `config`, the name of a data set's configuration.
  """

  @enforce_keys [:name]
  defstruct name: nil,
            version: nil,
            format: nil,
            schema: nil,
            provider: :crucible_datasets,
            split: :train,
            options: nil

  @type t :: %__MODULE__{
          name: String.t(),
          version: String.t() | nil,
          format: atom() | nil,
          schema: map() | nil,
          provider: atom(),
          split: atom(),
          options: map() | nil
        }
end

defmodule CrucibleIR.Deployment.Config do
  @moduledoc """
  Where and how a model version is to be served.

  - `:id` - Name of the deployment.
  - `:model_version_id` - The model version to serve.
  - `:target` - Where to deploy to, and its settings.
  - `:resources` - Processors and memory for one replica.
  - `:scaling` - Bounds and signals for automatic scaling.
  - `:health_check` - How to tell that a replica is healthy.
  - `:endpoint` - How the deployment is reached.
  - `:metadata` - Facts about the deployment that nothing reads.
  - `:replicas` - Number of replicas.
  - `:environment` - Which environment it belongs to.
  - `:strategy` - How a new version takes over from the old one.
  - `:options` - Further settings, passed on as they are.
  """

  @enforce_keys [:id, :model_version_id]
  defstruct id: nil,
            model_version_id: nil,
            target: nil,
            resources: nil,
            scaling: nil,
            health_check: nil,
            endpoint: nil,
            metadata: nil,
            replicas: 1,
            environment: :development,
            strategy: :rolling,
            options: nil

  @type t :: %__MODULE__{
          id: atom(),
          model_version_id: atom(),
          target: map() | nil,
          resources: map() | nil,
          scaling: map() | nil,
          health_check: map() | nil,
          endpoint: map() | nil,
          metadata: map() | nil,
          replicas: integer(),
          environment: atom(),
          strategy: atom(),
          options: map() | nil
        }
end

defmodule CrucibleIR.Deployment.Status do
  @moduledoc """
  The observed state of one deployment.

  - `:id` - Name of this status record.
  - `:deployment_id` - The deployment that it is about.
  - `:ready_replicas` - Replicas that are ready; the contract knows no 0, null stands for none.
  - `:total_replicas` - Replicas that should be ready.
  - `:endpoint_url` - URL under which the deployment is reached.
  - `:traffic_percent` - Share of the traffic that it receives, in percent.
  - `:last_health_check` - When its health was last checked, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  - `:error_message` - Why it failed.
  - `:created_at` - When it was deployed, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  - `:updated_at` - When its state last changed, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  - `:state` - How far the deployment is.
  - `:health` - What the last health check found.
  """

  @enforce_keys [:id, :deployment_id]
  defstruct id: nil,
            deployment_id: nil,
            ready_replicas: nil,
            total_replicas: nil,
            endpoint_url: nil,
            traffic_percent: nil,
            last_health_check: nil,
            error_message: nil,
            created_at: nil,
            updated_at: nil,
            state: :pending,
            health: :unknown

  @type t :: %__MODULE__{
          id: atom(),
          deployment_id: atom(),
          ready_replicas: integer() | nil,
          total_replicas: integer() | nil,
          endpoint_url: String.t() | nil,
          traffic_percent: float() | nil,
          last_health_check: DateTime.t() | nil,
          error_message: String.t() | nil,
          created_at: DateTime.t() | nil,
          updated_at: DateTime.t() | nil,
          state: atom(),
          health: atom()
        }
end

defmodule CrucibleIR.Reliability.Ensemble do
  @moduledoc """
  How the answers of several models are combined into one.

  - `:strategy` - How the answers are combined.
  - `:execution_mode` - In which order the models are asked.
  - `:models` - The models that vote.
  - `:weights` - Weight of each model's vote, by model, where the strategy is weighted.
  - `:min_agreement` - Fraction of the models that must agree, from 0 to 1.
  - `:timeout_ms` - Longest wait for one model, in milliseconds.
  - `:options` - Further settings, passed on as they are.
  """

  defstruct strategy: :none,
            execution_mode: :parallel,
            models: nil,
            weights: nil,
            min_agreement: nil,
            timeout_ms: nil,
            options: nil

  @type t :: %__MODULE__{
          strategy: atom(),
          execution_mode: atom(),
          models: [atom()] | nil,
          weights: map() | nil,
          min_agreement: float() | nil,
          timeout_ms: integer() | nil,
          options: map() | nil
        }
end

defmodule CrucibleIR.StageDef do
  @moduledoc """
  One step of an experiment's pipeline.

  - `:name` - Name of the stage; results and errors are reported under it.
  - `:module` - The Elixir module that implements the stage, without the `Elixir.` prefix.
  - `:options` - What the stage is told, as its own schema allows.
  - `:enabled` - Whether the stage should run; crucible_framework 0.5.2 runs it either way, so a stage that is off must be left out.
  """

  @enforce_keys [:name]
  defstruct name: nil,
            module: nil,
            options: nil,
            enabled: true

  @type t :: %__MODULE__{
          name: atom(),
          module: module() | nil,
          options: map() | nil,
          enabled: boolean()
        }
end

defmodule CrucibleIR.Reliability.Hedging do
  @moduledoc """
  When a slow request is sent a second time.

  - `:strategy` - When the second request is sent.
  - `:delay_ms` - Delay before the second request, in milliseconds.
  - `:percentile` - Latency percentile after which the second request is sent, as a fraction between 0 and 1, such as 0.95.
  - `:max_hedges` - Largest number of further requests for one request.
  - `:budget_percent` - Largest extra cost, in percent of the cost without hedging.
  - `:options` - Further settings, passed on as they are.
  """

  defstruct strategy: :off,
            delay_ms: nil,
            percentile: nil,
            max_hedges: nil,
            budget_percent: nil,
            options: nil

  @type t :: %__MODULE__{
          strategy: atom(),
          delay_ms: integer() | nil,
          percentile: float() | nil,
          max_hedges: integer() | nil,
          budget_percent: number() | nil,
          options: map() | nil
        }
end

defmodule CrucibleIR.Reliability.Guardrail do
  @moduledoc """
  Which safety checks inputs and outputs pass through.

  - `:profiles` - Named sets of checks to apply.
  - `:prompt_injection_detection` - Whether to look for prompt injection.
  - `:jailbreak_detection` - Whether to look for attempts to break the model's rules.
  - `:pii_detection` - Whether to look for personal data.
  - `:pii_redaction` - Whether to remove the personal data that is found.
  - `:content_moderation` - Whether to look for harmful content.
  - `:fail_on_detection` - Whether a finding stops the run.
  - `:options` - Further settings, passed on as they are.
  """

  defstruct profiles: [:default],
            prompt_injection_detection: nil,
            jailbreak_detection: nil,
            pii_detection: nil,
            pii_redaction: nil,
            content_moderation: nil,
            fail_on_detection: nil,
            options: nil

  @type t :: %__MODULE__{
          profiles: [atom()],
          prompt_injection_detection: boolean() | nil,
          jailbreak_detection: boolean() | nil,
          pii_detection: boolean() | nil,
          pii_redaction: boolean() | nil,
          content_moderation: boolean() | nil,
          fail_on_detection: boolean() | nil,
          options: map() | nil
        }
end

defmodule CrucibleIR.Reliability.Stats do
  @moduledoc """
  Which statistical tests compare the results, and at which level.

  - `:tests` - The tests to run.
  - `:alpha` - Significance level, between 0 and 1.
  - `:confidence_level` - Level of the confidence intervals, between 0 and 1.
  - `:effect_size_type` - Which effect size is computed.
  - `:multiple_testing_correction` - How levels are corrected where several tests are run.
  - `:bootstrap_iterations` - Number of bootstrap samples.
  - `:options` - Further settings, passed on as they are.
  """

  defstruct tests: [:ttest, :bootstrap],
            alpha: 0.05,
            confidence_level: nil,
            effect_size_type: nil,
            multiple_testing_correction: nil,
            bootstrap_iterations: nil,
            options: nil

  @type t :: %__MODULE__{
          tests: [atom()],
          alpha: float(),
          confidence_level: float() | nil,
          effect_size_type: atom() | nil,
          multiple_testing_correction: atom() | nil,
          bootstrap_iterations: integer() | nil,
          options: map() | nil
        }
end

defmodule CrucibleIR.Reliability.Fairness do
  @moduledoc """
  Which fairness metrics are computed over which groups.

  - `:enabled` - Whether fairness is measured.
  - `:metrics` - The metrics to compute.
  - `:group_by` - Attribute that says which group an example belongs to.
  - `:threshold` - Smallest acceptable value, from 0 to 1, such as 0.8 for the four-fifths rule.
  - `:fail_on_violation` - Whether a value below the threshold stops the run.
  - `:options` - Further settings, passed on as they are.
  """

  defstruct enabled: false,
            metrics: nil,
            group_by: nil,
            threshold: nil,
            fail_on_violation: nil,
            options: nil

  @type t :: %__MODULE__{
          enabled: boolean(),
          metrics: [atom()] | nil,
          group_by: atom() | nil,
          threshold: float() | nil,
          fail_on_violation: boolean() | nil,
          options: map() | nil
        }
end

defmodule CrucibleIR.Feedback.Config do
  @moduledoc """
  How feedback from users of a deployed model is collected and used.

  - `:retention_days` - Days after which feedback is deleted; left out, it is kept.
  - `:drift_detection` - How drift of the inputs and outputs is measured.
  - `:retraining_trigger` - What makes retraining start.
  - `:enabled` - Whether feedback is collected.
  - `:sampling_rate` - Fraction of the requests that are recorded, from 0 to 1.
  - `:feedback_types` - Kinds of feedback to collect.
  - `:storage` - Where feedback is stored.
  - `:anonymize_pii` - Whether personal data is removed before feedback is stored.
  - `:options` - Further settings, passed on as they are.
  """

  defstruct retention_days: nil,
            drift_detection: nil,
            retraining_trigger: nil,
            enabled: false,
            sampling_rate: 1.0,
            feedback_types: [:thumbs, :correction],
            storage: :postgres,
            anonymize_pii: true,
            options: nil

  @type t :: %__MODULE__{
          retention_days: integer() | nil,
          drift_detection: map() | nil,
          retraining_trigger: map() | nil,
          enabled: boolean(),
          sampling_rate: float(),
          feedback_types: [atom()],
          storage: atom(),
          anonymize_pii: boolean(),
          options: map() | nil
        }
end

defmodule CrucibleIR.Reliability.Config do
  @moduledoc """
  The reliability measures of an experiment.

  - `:ensemble` - How answers of several models are combined.
  - `:hedging` - When slow requests are sent again.
  - `:guardrails` - Safety checks on inputs and outputs.
  - `:stats` - Statistical tests of the results.
  - `:fairness` - Fairness metrics of the results.
  - `:monitoring` - Settings for watching the model at run time.
  - `:drift` - Settings for noticing that inputs or outputs drift.
  - `:circuit_breaker` - When calls to a failing backend are suspended.
  - `:feedback` - How feedback from users is collected.
  """

  defstruct ensemble: nil,
            hedging: nil,
            guardrails: nil,
            stats: nil,
            fairness: nil,
            monitoring: nil,
            drift: nil,
            circuit_breaker: nil,
            feedback: nil

  @type t :: %__MODULE__{
          ensemble: CrucibleIR.Reliability.Ensemble.t() | nil,
          hedging: CrucibleIR.Reliability.Hedging.t() | nil,
          guardrails: CrucibleIR.Reliability.Guardrail.t() | nil,
          stats: CrucibleIR.Reliability.Stats.t() | nil,
          fairness: CrucibleIR.Reliability.Fairness.t() | nil,
          monitoring: map() | nil,
          drift: map() | nil,
          circuit_breaker: map() | nil,
          feedback: CrucibleIR.Feedback.Config.t() | nil
        }
end

defmodule CrucibleIR.OutputSpec do
  @moduledoc """
  One report that an experiment writes.

  - `:name` - Name of the report.
  - `:options` - Further settings, passed on as they are, such as `path`, the file to write.
  - `:formats` - The formats to write; crucible_framework 0.5.2 renders markdown and json.
  - `:sink` - Where the report goes; crucible_framework 0.5.2 writes to file and stdout.
  """

  @enforce_keys [:name]
  defstruct name: nil,
            options: nil,
            formats: [:markdown],
            sink: :file

  @type t :: %__MODULE__{
          name: atom(),
          options: map() | nil,
          formats: [atom()],
          sink: atom()
        }
end

defmodule CrucibleIR.ModelVersion do
  @moduledoc """
  One registered version of a model, with the numbers that it reached.

  - `:id` - Name of this version.
  - `:model_id` - The model that this is a version of.
  - `:version` - Version number or label, such as `1.2.0`.
  - `:training_run_id` - The training run that produced it.
  - `:metrics` - Numbers that the version reached, by metric.
  - `:artifact_uri` - URI of the weights.
  - `:parent_version` - The version that it was trained from.
  - `:description` - What is particular about the version.
  - `:created_at` - When the version was registered, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  - `:created_by` - Who registered the version.
  - `:stage` - Where the version stands in its life.
  - `:options` - Further settings, passed on as they are.
  """

  @enforce_keys [:id, :model_id, :version]
  defstruct id: nil,
            model_id: nil,
            version: nil,
            training_run_id: nil,
            metrics: nil,
            artifact_uri: nil,
            parent_version: nil,
            description: nil,
            created_at: nil,
            created_by: nil,
            stage: :development,
            options: nil

  @type t :: %__MODULE__{
          id: atom(),
          model_id: String.t(),
          version: String.t(),
          training_run_id: atom() | nil,
          metrics: map() | nil,
          artifact_uri: String.t() | nil,
          parent_version: String.t() | nil,
          description: String.t() | nil,
          created_at: DateTime.t() | nil,
          created_by: String.t() | nil,
          stage: atom(),
          options: map() | nil
        }
end

defmodule CrucibleIR.ModelRef do
  @moduledoc """
  A model by name and origin; a bare string is its id.

  - `:id` - Which model: a name that the provider knows, such as `Qwen/Qwen3.5-9B-Base`, or a path.
  - `:name` - Name of the model for people.
  - `:version` - Version or revision of the model.
  - `:artifact_uri` - URI of the weights.
  - `:architecture` - Family of the network.
  - `:task` - What the model is made for.
  - `:metadata` - Facts about the model that no stage reads.
  - `:provider` - Who provides the model.
  - `:framework` - Library that the weights are made for.
  - `:options` - Further settings, passed on as they are.
  """

  @enforce_keys [:id]
  defstruct id: nil,
            name: nil,
            version: nil,
            artifact_uri: nil,
            architecture: nil,
            task: nil,
            metadata: nil,
            provider: :local,
            framework: :nx,
            options: nil

  @type t :: %__MODULE__{
          id: String.t(),
          name: String.t() | nil,
          version: String.t() | nil,
          artifact_uri: String.t() | nil,
          architecture: atom() | nil,
          task: atom() | nil,
          metadata: map() | nil,
          provider: atom(),
          framework: atom(),
          options: map() | nil
        }
end

defmodule CrucibleIR.Training.Config do
  @moduledoc """
  What is trained, on which data, and with which hyperparameters.

  - `:id` - Name of the configuration; left out, the id of the recipe.
  - `:model_ref` - The model that training starts from.
  - `:dataset_ref` - The data set that is trained on.
  - `:validation_split` - Fraction of the data that is held out for validation, between 0 and 1.
  - `:seed` - Seed of every random choice: order of the data, initial adapter weights, sampling.
  - `:gradient_clipping` - Largest norm of the gradient; larger gradients are scaled down to it. Left out, none is clipped.
  - `:early_stopping` - When to stop before the last epoch; needs a validation_split.
  - `:checkpoint_every` - Optimizer steps between two checkpoints; left out, only the end is saved.
  - `:epochs` - How many times training passes over the data set.
  - `:batch_size` - Examples in one batch; in reinforcement learning and on-policy distillation, groups of rollouts.
  - `:learning_rate` - Step size of the optimizer at its highest; lr_schedule says how it changes.
  - `:optimizer` - The optimizer.
  - `:loss_function` - The loss that is minimised.
  - `:metrics` - Metrics to record while training.
  - `:device` - Kind of processor to train on, where the engine trains locally.
  - `:mixed_precision` - Whether to compute in 16 bit where that is safe.
  - `:options` - Options of the recipe's type, such as lora_rank; options/<type>.schema.json lists them.
  """

  @enforce_keys [:id, :model_ref, :dataset_ref]
  defstruct id: nil,
            model_ref: nil,
            dataset_ref: nil,
            validation_split: nil,
            seed: nil,
            gradient_clipping: nil,
            early_stopping: nil,
            checkpoint_every: nil,
            epochs: 1,
            batch_size: 32,
            learning_rate: 0.001,
            optimizer: :adam,
            loss_function: :cross_entropy,
            metrics: [:loss, :accuracy],
            device: :cpu,
            mixed_precision: false,
            options: nil

  @type t :: %__MODULE__{
          id: atom(),
          model_ref: CrucibleIR.ModelRef.t(),
          dataset_ref: CrucibleIR.DatasetRef.t(),
          validation_split: float() | nil,
          seed: integer() | nil,
          gradient_clipping: float() | nil,
          early_stopping: map() | nil,
          checkpoint_every: integer() | nil,
          epochs: integer(),
          batch_size: integer(),
          learning_rate: float(),
          optimizer: atom(),
          loss_function: atom(),
          metrics: [atom()],
          device: atom(),
          mixed_precision: boolean(),
          options: map() | nil
        }
end

defmodule CrucibleIR.Experiment do
  @moduledoc """
  One experiment: the stages to run, on which backend, over which data, and what to report.

  - `:id` - Name of the experiment.
  - `:backend` - The backend that runs it.
  - `:pipeline` - The stages, in the order in which they run.
  - `:description` - What the experiment is for, in a sentence or two.
  - `:owner` - Who answers for the experiment: a person or a team.
  - `:tags` - Words to find the experiment by.
  - `:metadata` - Facts about the experiment that no stage reads.
  - `:dataset` - The data set that the experiment is about.
  - `:reliability` - Ensemble, hedging, guardrails, statistics, fairness and feedback settings.
  - `:outputs` - The reports to write when the pipeline has run.
  - `:created_at` - When the experiment was written down, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  - `:updated_at` - When the experiment was last changed, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  - `:experiment_type` - What kind of experiment it is.
  - `:model_version` - The registered model version that the experiment starts from or produces.
  - `:training_config` - What is trained and how.
  - `:baseline` - The model that the results are compared with.
  """

  @enforce_keys [:id, :backend, :pipeline]
  defstruct id: nil,
            backend: nil,
            pipeline: nil,
            description: nil,
            owner: nil,
            tags: nil,
            metadata: nil,
            dataset: nil,
            reliability: nil,
            outputs: nil,
            created_at: nil,
            updated_at: nil,
            experiment_type: nil,
            model_version: nil,
            training_config: nil,
            baseline: nil

  @type t :: %__MODULE__{
          id: atom(),
          backend: CrucibleIR.BackendRef.t(),
          pipeline: [CrucibleIR.StageDef.t()],
          description: String.t() | nil,
          owner: String.t() | nil,
          tags: [atom()] | nil,
          metadata: map() | nil,
          dataset: CrucibleIR.DatasetRef.t() | nil,
          reliability: CrucibleIR.Reliability.Config.t() | nil,
          outputs: [CrucibleIR.OutputSpec.t()] | nil,
          created_at: DateTime.t() | nil,
          updated_at: DateTime.t() | nil,
          experiment_type: atom() | nil,
          model_version: CrucibleIR.ModelVersion.t() | nil,
          training_config: CrucibleIR.Training.Config.t() | nil,
          baseline: CrucibleIR.ModelRef.t() | nil
        }
end

defmodule CrucibleIR.Feedback.Event do
  @moduledoc """
  One piece of feedback on one answer of a deployed model.

  - `:id` - Name of the event.
  - `:deployment_id` - The deployment that answered.
  - `:model_version` - Version of the model that answered.
  - `:input` - What was asked.
  - `:output` - What was answered.
  - `:feedback_value` - The feedback itself; its shape depends on feedback_type.
  - `:user_id` - Who gave the feedback.
  - `:session_id` - The conversation that it belongs to.
  - `:latency_ms` - Time until the answer, in milliseconds.
  - `:metadata` - Facts about the event that nothing reads.
  - `:feedback_type` - Kind of the feedback.
  - `:timestamp` - When the feedback was given, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  """

  @enforce_keys [:id]
  defstruct id: nil,
            deployment_id: nil,
            model_version: nil,
            input: nil,
            output: nil,
            feedback_value: nil,
            user_id: nil,
            session_id: nil,
            latency_ms: nil,
            metadata: nil,
            feedback_type: :thumbs,
            timestamp: nil

  @type t :: %__MODULE__{
          id: String.t(),
          deployment_id: atom() | nil,
          model_version: String.t() | nil,
          input: map() | nil,
          output: map() | nil,
          feedback_value: term(),
          user_id: String.t() | nil,
          session_id: String.t() | nil,
          latency_ms: integer() | nil,
          metadata: map() | nil,
          feedback_type: atom(),
          timestamp: DateTime.t() | nil
        }
end

defmodule CrucibleIR.Training.Run do
  @moduledoc """
  One execution of a training configuration: its state, metrics and checkpoints.

  - `:id` - Name of the run.
  - `:config` - The configuration that is trained with.
  - `:current_epoch` - The epoch that is being trained, counted from 1.
  - `:metrics_history` - Metrics recorded so far, oldest first.
  - `:best_metrics` - The best metrics so far.
  - `:checkpoint_uris` - URIs of the checkpoints written so far, oldest first.
  - `:final_model_version` - The model version that the run was registered as.
  - `:started_at` - When the run began, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  - `:completed_at` - When the run ended, as ISO 8601 with its offset from UTC, such as 2026-01-31T12:00:00Z.
  - `:error_message` - Why the run failed.
  - `:status` - How far the run is.
  - `:options` - Further settings, passed on as they are.
  """

  @enforce_keys [:id, :config]
  defstruct id: nil,
            config: nil,
            current_epoch: nil,
            metrics_history: nil,
            best_metrics: nil,
            checkpoint_uris: nil,
            final_model_version: nil,
            started_at: nil,
            completed_at: nil,
            error_message: nil,
            status: :pending,
            options: nil

  @type t :: %__MODULE__{
          id: atom(),
          config: CrucibleIR.Training.Config.t(),
          current_epoch: integer() | nil,
          metrics_history: [map()] | nil,
          best_metrics: map() | nil,
          checkpoint_uris: [String.t()] | nil,
          final_model_version: atom() | nil,
          started_at: DateTime.t() | nil,
          completed_at: DateTime.t() | nil,
          error_message: String.t() | nil,
          status: atom(),
          options: map() | nil
        }
end
