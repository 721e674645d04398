defmodule CrucibleRuntime.PreflightTest do
  # The configuration of applications is one for all tests.
  use ExUnit.Case, async: false
  import ExUnit.CaptureLog

  alias CrucibleIR.{BackendRef, DatasetRef, Experiment, ModelRef, StageDef, Training}
  alias CrucibleRuntime.Run.Preflight

  @register CrucibleModelRegistry.Stages.Register

  setup do
    before = Application.get_all_env(:crucible_model_registry)
    Application.put_env(:crucible_model_registry, :repo, [])
    on_exit(fn -> Application.put_all_env(crucible_model_registry: before) end)
  end

  defp config(id \\ :new) do
    %Training.Config{
      id: id,
      model_ref: %ModelRef{id: "a/model"},
      dataset_ref: %DatasetRef{name: "a/dataset"}
    }
  end

  defp stage(options),
    do: %StageDef{
      name: :model_register,
      module: @register,
      options: Map.merge(%{model_name: "m", recipe: "r", training_config: config()}, options)
    }

  defp problems(stages, changes \\ %{}) do
    run = %{
      experiment: %Experiment{id: :e, backend: %BackendRef{id: :tinker}, pipeline: stages},
      evaluation: nil,
      live: %{sampling_client: nil, ports: nil},
      needs: [],
      twice: [],
      evaluate: true,
      options: []
    }

    Preflight.problems(Map.merge(run, changes))
  end

  test "what is right has no problems" do
    assert problems([stage(%{}), %StageDef{name: :own, options: nil}]) == []
  end

  test "a registry needs a repo" do
    Application.delete_env(:crucible_model_registry, :repo)

    assert problems([stage(%{})]) == [
             missing_configuration: [{:crucible_model_registry, :repo}]
           ]
  end

  test "feedback needs a storage, which an option may name" do
    export = %StageDef{name: :export, module: CrucibleFeedback.Stages.ExportFeedback, options: []}

    assert problems([export]) == [missing_configuration: [{:crucible_feedback, :storage}]]
    assert problems([%{export | options: [storage: Acme.Storage]}]) == []
  end

  test "a run that is persisted needs a repo" do
    assert problems([], %{options: [persist: true]}) == [
             missing_configuration: [{:crucible_framework, :repo}]
           ]
  end

  test "a configuration that the registry has is found before the training" do
    Application.put_env(:crucible_model_registry, :repo, ["old"])
    assert problems([stage(%{})]) == []

    assert [duplicate_config: [stage: :model_register, version: %{config_hash: "old"}]] =
             problems([stage(%{training_config: config(:old)})])
  end

  test "a registry that does not answer keeps no run from starting" do
    Application.put_env(:crucible_model_registry, :repo, :unreachable)

    log = capture_log(fn -> assert problems([stage(%{})]) == [] end)
    assert log =~ "the registry was not asked whether it has the training configuration"
    assert log =~ "connection refused"
  end

  test "what the runner would refuse at its turn is refused before" do
    assert problems([stage(%{})], %{options: [validate_options: :warn]}) == []

    assert problems([stage(%{})], %{options: [validate_options: :error]}) == [
             invalid_options: [model_register: ["recipe must be an atom"]]
           ]
  end

  test "a sampling client without questions is refused" do
    live = %{sampling_client: fn _context -> nil end, ports: nil}
    assert problems([], %{live: live}) == [unused_values: [:sampling_client]]
    assert problems([], %{live: live, evaluate: false}) == []
  end

  test "all problems come at once" do
    Application.delete_env(:crucible_model_registry, :repo)
    loop = %StageDef{name: :train, options: %{num_epochs: 0, train_dataset: nil}}

    assert problems([loop, stage(%{})], %{needs: [:train_dataset], twice: [:logger]}) == [
             missing_values: [:train_dataset],
             conflicting_values: [:logger],
             invalid_options: [num_epochs: 0],
             missing_configuration: [{:crucible_model_registry, :repo}]
           ]
  end
end
