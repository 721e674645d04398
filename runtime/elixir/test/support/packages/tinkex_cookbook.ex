# A stand-in for the package of this name in tests: samples answers to the tasks of an evaluation, and
# scores them.
defmodule TinkexCookbook.Eval.Runner do
  @moduledoc "Samples and scores the tasks of an evaluation."

  def run(samples, config) do
    {:ok, Enum.map(samples, &ask(&1, config))}
  end

  defp ask(sample, %{sampling_client: %module{} = client} = config) do
    result = Map.take(sample, [:id, :input, :target])
    input = %CrucibleTrain.Types.ModelInput{tokens: String.to_charlist("user: #{sample.input}")}

    params = [
      temperature: Map.get(config, :temperature, 0.7),
      max_tokens: Map.get(config, :max_tokens, 1024),
      stop: Map.get(config, :stop, [])
    ]

    case module.sample(client, input, params) do
      {:ok, %{sequences: [%{text: text, stop_reason: _} | _]}} -> Map.put(result, :output, text)
      {:error, reason} -> Map.merge(result, %{output: "", error: inspect(reason)})
    end
  end

  def score_results(results, scorer) do
    for result <- results do
      score = if right?(scorer, String.trim(result.output), result.target), do: 1.0, else: 0.0
      Map.put(result, :score, score)
    end
  end

  defp right?(:exact_match, output, target), do: output == target
  defp right?(:contains, output, target), do: output =~ target

  defp right?(:case_insensitive, output, target),
    do: String.downcase(output) == String.downcase(target)

  def compute_metrics(scored) do
    correct = Enum.count(scored, &(&1.score == 1.0))
    %{accuracy: correct / length(scored), total: length(scored), correct: correct}
  end
end
