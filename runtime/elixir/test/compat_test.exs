defmodule CrucibleRuntime.CompatTest do
  use ExUnit.Case, async: true

  alias CrucibleRuntime.Compat

  for loop <- [CrucibleTrain.RL.Train, CrucibleTrain.Distillation.TrainOnPolicy] do
    defmodule loop do
      @moduledoc "A training loop that returns what the test asks for."
      def main(%{answer: answer}), do: answer
    end
  end

  for {stage, original} <- [
        {Compat.RLTrain, CrucibleTrain.Stages.RLTrain},
        {Compat.Distillation, CrucibleTrain.Stages.Distillation}
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
end
