defmodule CrucibleRuntime.StandInsTest do
  # A package is one for all processes.
  use ExUnit.Case, async: false
  import ExUnit.CaptureLog

  alias CrucibleIR.{BackendRef, Experiment, StageDef}
  alias CrucibleRuntime.Recipe.Schema
  alias CrucibleRuntime.StandIns

  for loop <- [CrucibleTrain.RL.Train, CrucibleTrain.Distillation.TrainOnPolicy] do
    defmodule loop do
      @moduledoc "A training loop that returns what the test asks for."
      def main(%{answer: answer}), do: answer
    end
  end

  for {stage, original} <- [
        {StandIns.RLTrain, CrucibleTrain.Stages.RLTrain},
        {StandIns.Distillation, CrucibleTrain.Stages.Distillation}
      ] do
    describe inspect(stage) do
      @describetag stage: stage, original: original

      test "names the stage that it replaces, and its options", %{stage: stage} = tags do
        assert stage.stands_for() == tags.original
        assert %{name: name, description: text, optional: options} = stage.describe(%{})
        assert is_atom(name) and is_binary(text)
        assert :training_config in options and :learning_rate in options
      end

      test "keeps the metrics of the last batch", %{stage: stage} do
        assert run(stage, {:ok, %{metrics: [%{"loss" => 2.0}, %{"loss" => 1.0}]}}) ==
                 {:ok, %{metrics: %{"before" => 1, "loss" => 1.0}}}

        assert run(stage, {:ok, %{metrics: []}}) == {:ok, %{metrics: %{"before" => 1}}}
      end

      test "takes the metrics of a repaired release as they are", %{stage: stage} do
        assert run(stage, {:ok, %{metrics: %{"loss" => 1.0}}}) ==
                 {:ok, %{metrics: %{"before" => 1, "loss" => 1.0}}}

        assert run(stage, {:ok, %{}}) == {:ok, %{metrics: %{"before" => 1}}}
      end

      test "hands on an error", %{stage: stage} do
        assert run(stage, {:error, :no_power}) == {:error, :no_power}
      end
    end
  end

  defp run(stage, answer), do: stage.run(%{metrics: %{"before" => 1}}, %{answer: answer})

  defmodule Elixir.CrucibleTrain.Stages.RLTrain do
    @moduledoc "The stage of the release with the defect."
    def run(_context, _options), do: raise("after the last step")
  end

  defmodule Example do
    @moduledoc "A recipe with that stage alone."

    defmodule Config do
      @moduledoc false
      defstruct [:ports, training_config: %{}]
    end

    def config_schema, do: Config
    def needs, do: []
    def evaluation, do: nil

    def build_spec(_config) do
      options = %{answer: {:ok, %{metrics: [%{"loss" => 0.25}]}}}
      stage = %StageDef{name: :train, module: CrucibleTrain.Stages.RLTrain, options: options}
      %Experiment{id: :example, backend: %BackendRef{id: :local}, pipeline: [stage]}
    end
  end

  describe "CrucibleRuntime.run/3" do
    test "runs a stand-in, and names it in the result and in the log" do
      install("0.3.0")
      {result, log} = with_log(fn -> CrucibleRuntime.run(Example) end)
      assert {:ok, %{context: context, stand_ins: [%{stage: :train, defect: "D0003"}]}} = result
      assert context.metrics == %{"loss" => 0.25}
      assert context.experiment == Example.build_spec(%{})
      assert log =~ "D0003"
    end

    test "refuses with compat: false, and names the defect" do
      install("0.3.0")

      assert CrucibleRuntime.run(Example, %{}, compat: false) ==
               {:error,
                {:defective_stages,
                 [
                   %{
                     stage: :train,
                     module: CrucibleTrain.Stages.RLTrain,
                     package: :crucible_train,
                     version: "0.3.0",
                     defect: "D0003",
                     title: "RLTrain fails after its last step"
                   }
                 ]}}
    end

    test "runs the package's own stage where no defect of its release is known" do
      install("0.2.9")

      for opts <- [[], [compat: false]] do
        assert {{:error, {:train, {%RuntimeError{message: message}, [_ | _]}, nil}}, log} =
                 with_log(fn -> CrucibleRuntime.run(Example, %{}, opts) end)

        assert message == "after the last step"

        refute log =~ "D0003"
      end
    end
  end

  describe "defective/1" do
    test "names the stages that the installed release cannot run to their end" do
      install("0.3.0")
      assert [first, second] = StandIns.defective(experiment())

      assert first == %{
               stage: :train,
               module: CrucibleTrain.Stages.RLTrain,
               package: :crucible_train,
               version: "0.3.0",
               defect: "D0003",
               title: "RLTrain fails after its last step",
               stand_in: StandIns.RLTrain
             }

      assert %{stage: :distil, defect: "D0002", stand_in: StandIns.Distillation} = second
    end

    test "knows nothing of releases that are older, unknown or not there" do
      for version <- ["0.2.9", "next", ""] do
        install(version)
        assert StandIns.defective(experiment()) == []
      end

      Application.unload(:crucible_train)
      assert StandIns.defective(experiment()) == []
    end
  end

  test "put/2 replaces the stages, and no others" do
    install("0.3.0")
    defective = StandIns.defective(experiment())
    modules = for stage <- StandIns.put(experiment(), defective).pipeline, do: stage.module
    assert modules == [String, StandIns.RLTrain, StandIns.Distillation]
    assert StandIns.put(experiment(), []) == experiment()
  end

  test "report/1 logs a line for each" do
    install("0.3.0")
    log = capture_log(fn -> experiment() |> StandIns.defective() |> StandIns.report() end)
    assert log =~ "stage train: #{inspect(StandIns.RLTrain)} runs in the place of "

    assert log =~
             "CrucibleTrain.Stages.RLTrain, of which crucible_train 0.3.0 has the known defect"

    assert log =~ "D0002 (Distillation fails after its last step)"
    assert capture_log(fn -> StandIns.report([]) end) == ""
  end

  test "every known defect has a stand-in" do
    for defect <- Schema.defects() do
      install("0.3.0", defect.package)
      pipeline = [%StageDef{name: :stage, module: defect.stage}]
      assert [%{stand_in: stand_in}] = StandIns.defective(%{experiment() | pipeline: pipeline})
      assert stand_in.stands_for() == defect.stage
    end
  end

  defp experiment do
    stages = [
      other: String,
      train: CrucibleTrain.Stages.RLTrain,
      distil: CrucibleTrain.Stages.Distillation
    ]

    pipeline = for {name, module} <- stages, do: %StageDef{name: name, module: module}
    %Experiment{id: :example, backend: %BackendRef{id: :local}, pipeline: pipeline}
  end

  # An application of that version, as one of a dependency is.
  defp install(version, package \\ :crucible_train) do
    Application.unload(package)
    :ok = :application.load({:application, package, vsn: String.to_charlist(version)})
    on_exit(fn -> Application.unload(package) end)
  end
end
