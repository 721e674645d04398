defmodule CrucibleRuntimeTest do
  use ExUnit.Case, async: true

  alias CrucibleIR.{BackendRef, Experiment, StageDef}

  defp experiment(options) do
    stages = for options <- options, do: %StageDef{name: :stage, options: options}
    %Experiment{id: :example, backend: %BackendRef{id: :local}, pipeline: stages}
  end

  defp injected(options, live) do
    for stage <- CrucibleRuntime.inject(experiment(options), live).pipeline, do: stage.options
  end

  test "inject/2 fills the options that are nil, in maps and in keyword lists" do
    live = %{ports: :given, logger: :given}

    assert injected([%{ports: nil, epochs: 1}, [logger: nil, epochs: 1], nil], live) ==
             [%{ports: :given, epochs: 1}, [logger: :given, epochs: 1], nil]

    assert injected([%{ports: nil}], ports: :given) == [%{ports: :given}]

    assert injected([[a: nil, b: 1, c: nil]], %{a: :given, c: :given}) ==
             [[a: :given, b: 1, c: :given]]
  end

  test "inject/2 keeps a value that is there, and adds no option" do
    assert injected([%{ports: :early}, [epochs: 1]], %{ports: :late}) ==
             [%{ports: :early}, [epochs: 1]]
  end

  test "run/3 takes modules that build an experiment" do
    for recipe <- ["example", NoSuchModule, String] do
      assert CrucibleRuntime.run(recipe) == {:error, {:unknown_recipe, recipe}}
    end
  end

  test "to_json/1 gives the canonical JSON" do
    assert CrucibleRuntime.to_json(experiment([])) ==
             CrucibleRuntime.Canonical.encode(experiment([]))
  end
end
