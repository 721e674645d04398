defmodule CrucibleRuntime.RecipeTest do
  use ExUnit.Case, async: true

  alias CrucibleIR.{DatasetRef, ModelRef, Training}
  alias CrucibleRuntime.Recipe
  alias CrucibleRuntime.Recipe.Schema

  @config %Training.Config{
    id: :test,
    model_ref: %ModelRef{
      id: "a/model",
      metadata: %{size: "8B", family: %{name: :qwen, moe: false}}
    },
    dataset_ref: %DatasetRef{name: "a/dataset"}
  }

  defp override(overrides, config \\ @config),
    do: Recipe.override!(config, overrides, :supervised)

  test "no overrides change nothing" do
    assert override(%{}) == @config
    assert override([]) == @config
    assert override(model_ref: [], dataset_ref: %{}) == @config
  end

  test "a struct is merged with fields, and replaced by a struct" do
    assert override(model_ref: [id: "b"]).model_ref == %{@config.model_ref | id: "b"}
    assert override(%{model_ref: %ModelRef{id: "b"}}).model_ref == %ModelRef{id: "b"}
    assert_raise ArgumentError, ~r/model_ref.*"b"/, fn -> override(model_ref: "b") end
    assert_raise ArgumentError, ~r/model_ref/, fn -> override(model_ref: nil) end
  end

  test "a map is merged as deep as it goes, and nil removes a key" do
    config = override(model_ref: %{metadata: %{size: nil, family: [moe: true], new: 1}})
    assert config.model_ref.metadata == %{family: %{name: :qwen, moe: true}, new: 1}
    assert override(model_ref: [metadata: [family: []]]).model_ref.metadata.family == []
  end

  test "a field that is nil can be set" do
    assert override(early_stopping: %{patience: 3}).early_stopping == %{patience: 3}
    assert override(early_stopping: [patience: 3]).early_stopping == %{patience: 3}
    assert override(seed: 1).seed == 1
  end

  test "a whole configuration is taken as it is" do
    other = %{@config | id: :other, options: %{anything: 1}}
    assert override(other) == other
  end

  test "lists are replaced" do
    assert override(metrics: []).metrics == []
    assert override(metrics: [:loss]).metrics == [:loss]
  end

  test "options are those that the type of recipe knows" do
    [name | _] = Schema.options(:supervised)
    config = override(options: %{name => 1})
    assert config.options == %{name => 1}
    assert override([options: [{name, nil}]], config).options == %{}
    assert override([options: nil], config).options == nil
    assert override([options: []], config).options == %{name => 1}
    assert_raise KeyError, ~r/:no_option/, fn -> override(options: %{no_option: nil}) end
    assert_raise ArgumentError, ~r/"lora_rank"/, fn -> override(options: %{"lora_rank" => 1}) end
    assert_raise ArgumentError, fn -> override(options: 1) end
  end

  test "an integer is a float where the field is one" do
    assert override(learning_rate: 1).learning_rate === 1.0
    assert override(epochs: 1).epochs === 1
    assert override(early_stopping: [min_delta: 1]).early_stopping.min_delta === 1.0
    assert override(options: [weight_decay: 0]).options.weight_decay === 0.0
    assert override(model_ref: [metadata: [size: 1]]).model_ref.metadata.size === 1
  end

  test "an unknown field is named, wherever it is" do
    assert_raise KeyError, ~r/:epoch /, fn -> override(epoch: 1) end
    assert_raise KeyError, ~r/:nam /, fn -> override(dataset_ref: [nam: "b"]) end
    assert_raise ArgumentError, ~r/"name"/, fn -> override(dataset_ref: %{"name" => "b"}) end
    assert_raise ArgumentError, ~r/nil/, fn -> override(nil) end
  end
end
