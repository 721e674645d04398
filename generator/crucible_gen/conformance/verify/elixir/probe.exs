defmodule Verify.Probe do
  @moduledoc """
  Finds out whether known defects still show: each by one small run of the stage that has it.

  A probe returns `"shown"`, `"gone"`, or the reason why neither is known.
  """

  alias Verify.{Live, Outcome, Recorder}

  def all(probes), do: Map.new(probes, fn probe -> {probe.id, run_probe(probe)} end)

  defp run_probe(probe) do
    module = Module.concat([probe.stage])

    if Code.ensure_loaded?(module) do
      case Outcome.of(fn -> {:error, {:probe, shows(probe.shows, module, probe), nil}} end) do
        %{status: :error, reason: "true"} -> "shown"
        %{status: :error, reason: "false"} -> "gone"
        outcome -> "the probe ended otherwise: #{outcome[:message] || outcome[:reason]}"
      end
    else
      "#{probe.stage} is not among the compiled packages"
    end
  end

  # A client whose first step fails comes back as a success.
  defp shows("failed_step", module, probe) do
    Recorder.reset(fail: %{function: :forward_backward, nth: 0})
    match?({:ok, _}, run(module, probe)) and length(Recorder.calls(:optim_step)) < length(Recorder.calls(:forward_backward))
  end

  # No rounds are requested, and some are trained.
  defp shows("zero_rounds", module, probe) do
    Recorder.reset()
    Outcome.of(fn -> run(module, probe, Map.new(probe.keys, &{&1, 0})) end)
    Recorder.calls(:forward_backward) != []
  end

  # A key that the stage describes is one that it refuses.
  defp shows("described_keys", module, _probe) do
    described = module.describe(%{})
    keys = List.wrap(described[:required]) ++ List.wrap(described[:optional])
    Enum.any?(keys, &refuses?(module, &1))
  end

  # The stage describes a type that its own code cannot use.
  defp shows("described_types", module, probe) do
    types = module.describe(%{})[:types] || %{}
    Enum.any?(probe.keys, &(inspect(types[&1]) == probe.described))
  end

  # Options as a map, which is what a stage is documented to take.
  defp shows("map_options", module, _probe) do
    context = Verify.Prove.context()
    outcome = fn options -> Outcome.of(fn -> module.run(context, options) end).status end
    outcome.(%{}) == :raised and outcome.([]) != :raised
  end

  # The stage uses a schedule that it was not given: the rates fall though nothing says so.
  defp shows("linear_anyway", module, probe) do
    Recorder.reset()
    run(module, probe)
    rates = for [_, rate] <- Recorder.calls(:optim_step), do: rate
    refuses?(module, :lr_schedule) and rates != [] and rates != List.duplicate(hd(rates), length(rates))
  end

  # The stage has no schedule: the rates stay, whatever a recipe says.
  defp shows("constant_anyway", module, probe) do
    Recorder.reset()
    # The stage may fail after its last step, and all its rates were seen then.
    Outcome.of(fn -> run(module, probe) end)
    rates = for [_, rate] <- Recorder.calls(:optim_step), do: rate
    refuses?(module, :lr_schedule) and rates != [] and rates == List.duplicate(hd(rates), length(rates))
  end

  # A stage that is off runs.
  defp shows("disabled_runs", _module, _probe) do
    stage = struct!(Module.concat(["CrucibleIR", "StageDef"]), name: :off, module: Verify.Probe.Stage, enabled: false, options: %{})
    Process.put(Verify.Probe.Stage, false)
    context = experiment([stage])
    Module.concat(["CrucibleFramework"]).run(context, persist: false)
    Process.get(Verify.Probe.Stage)
  end

  # The same rounds, and the last metrics make the stage fail.
  defp shows("last_metrics", module, probe) do
    Recorder.reset()
    outcome = Outcome.of(fn -> run(module, probe) end)
    outcome.status == :raised and String.contains?(outcome.function || "", probe.function)
  end

  defp refuses?(module, key) do
    module.run(Verify.Prove.context(), %{key => nil})
    false
  rescue
    error in KeyError -> error.key == key
    _ -> false
  end

  defp run(module, probe, options \\ %{}) do
    live = Live.values(3) |> Map.take(probe.live)
    module.run(Verify.Prove.context(), Map.merge(live, options))
  end

  defp experiment(stages) do
    backend = struct!(Module.concat(["CrucibleIR", "BackendRef"]), id: :tinker)
    struct!(Module.concat(["CrucibleIR", "Experiment"]), id: :verify, backend: backend, pipeline: stages)
  end
end

defmodule Verify.Probe.Stage do
  @moduledoc "A stage that notes that it ran."

  def describe(_), do: %{name: :off, description: "Notes that it ran.", required: [], optional: [], types: %{}}

  def run(context, _) do
    Process.put(__MODULE__, true)
    {:ok, context}
  end
end
