defmodule CrucibleRuntime.MixProject do
  use Mix.Project

  def project do
    [
      app: :crucible_runtime,
      version: "0.1.0",
      elixir: "~> 1.14",
      description: "Runs the recipes that generated Elixir modules describe.",
      elixirc_paths: elixirc_paths(Mix.env()),
      start_permanent: Mix.env() == :prod,
      elixirc_options: [no_warn_undefined: looked_for()],
      deps: deps()
    ]
  end

  def application do
    [extra_applications: [:logger]]
  end

  # The tests run against stand-ins for the packages of Hex.
  defp elixirc_paths(:test), do: ["lib", "test/support"]
  defp elixirc_paths(_env), do: ["lib"]

  # What may be there without being a dependency; Elixir 1.14 warns of calls to such modules.
  defp looked_for do
    [
      CrucibleFramework,
      CrucibleTrain.Distillation.TrainOnPolicy,
      CrucibleTrain.Ports,
      CrucibleTrain.Ports.DatasetStore,
      CrucibleTrain.Ports.SamplingClient,
      CrucibleTrain.RL.Train,
      TinkexCookbook.Eval.Runner
    ]
  end

  # No package is needed to compile this one: modules of other packages are called only after
  # `Code.ensure_loaded?/1` has found them, and a run names those that are missing. Which packages
  # a project needs depends on the stages of its recipes, so the project lists them in its own
  # mix.exs, as the generated one does. Without a dependency Mix needs no Hex here.
  defp deps, do: []
end
