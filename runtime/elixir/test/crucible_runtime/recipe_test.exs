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
    config = override(options: %{name => 0.5})
    assert config.options == %{name => 0.5}
    assert override([options: [{name, nil}]], config).options == %{}
    assert override([options: nil], config).options == nil
    assert override([options: []], config).options == %{name => 0.5}
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

  # The cases of the Python runtime's tests, as far as Elixir has such values.
  for {overrides, message} <- [
        {[learning_rate: -0.1], "learning_rate must be greater than 0, got: -0.1"},
        {[learning_rate: "fast"], ~s(learning_rate must be a number, got: "fast")},
        {[epochs: 0], "epochs must be at least 1, got: 0"},
        {[epochs: 1.5], "epochs must be an integer, got: 1.5"},
        {[epochs: true], "epochs must be an integer, got: true"},
        {[epochs: "3"], ~s(epochs must be an integer, got: "3")},
        {[epochs: nil], "epochs must be an integer, got: nil"},
        {[epochs: 0x8000000000000000],
         "epochs must be a number of 64 bits, got: 9223372036854775808"},
        {[batch_size: 0], "batch_size must be at least 1, got: 0"},
        {[validation_split: 1], "validation_split must be less than 1, got: 1.0"},
        {[seed: -1], "seed must be at least 0, got: -1"},
        {[metrics: [:loss, 3]], "metrics[1] must be an atom, got: 3"},
        {[metrics: "loss"], ~s(metrics must be a list, got: "loss")},
        {[id: :""], ~s(id must be at least 1 characters long, got: :"")},
        {[optimizer: 1], "optimizer must be an atom, got: 1"},
        {[options: [lr_schedule: "wavy"]],
         "options.lr_schedule must be one of :linear, :cosine, :constant, got: :wavy"},
        {[model_ref: [id: nil]], "model_ref.id must be a string, got: nil"},
        {[early_stopping: [patience: 0]], "early_stopping.patience must be at least 1, got: 0"},
        {[options: [max_steps: [a: 1]]], "options.max_steps must be an integer, got: [a: 1]"},
        {[options: 1], "options must be a map or a keyword list, got: 1"},
        {[options: [lora_rank: -5]], "options.lora_rank must be at least 1, got: -5"},
        {[options: [lr_schedule: :wavy]],
         "options.lr_schedule must be one of :linear, :cosine, :constant, got: :wavy"},
        {[options: [lr_schedule: :cosin]],
         "options.lr_schedule must be one of :linear, :cosine, :constant; did you mean :cosine?, " <>
           "got: :cosin"},
        {[options: [train_on_what: :everything]], "options.train_on_what must be one of"}
      ] do
    test "#{inspect(overrides)} is out of bounds" do
      error = assert_raise ArgumentError, fn -> override(unquote(Macro.escape(overrides))) end
      assert String.starts_with?(error.message, "training_config." <> unquote(message))
    end
  end

  test "a map of one's own holds what JSON can say" do
    for value <- [self(), {1, 2}, fn -> 1 end] do
      assert_raise ArgumentError, ~r/^training_config.model_ref.options.a: no JSON for/, fn ->
        override(model_ref: [options: %{a: value}])
      end
    end

    assert_raise ArgumentError, ~r/a key of .*options must be an atom or a string, got: 1/, fn ->
      override(model_ref: [options: %{1 => 2}])
    end

    assert override(dataset_ref: [schema: %{"q" => "text"}]).dataset_ref.schema == %{
             "q" => "text"
           }
  end

  test "text is a name where the field is one" do
    assert override(optimizer: "adamw", metrics: ["loss"]) ==
             override(optimizer: :adamw, metrics: [:loss])
  end

  test "a whole float is an integer where the field is one" do
    assert override(epochs: 3.0).epochs === 3
  end

  test "an unknown field is named, wherever it is" do
    assert_raise KeyError, ~r/has no field :epoch; did you mean :epochs\?/, fn ->
      override(epoch: 1)
    end

    assert_raise KeyError, ~r/dataset_ref has no field :nam; did you mean :name\?/, fn ->
      override(dataset_ref: [nam: "b"])
    end

    assert_raise KeyError, ~r/options has no option :lora_rnk; did you mean :lora_rank\?/, fn ->
      override(options: [lora_rnk: 8])
    end

    assert_raise ArgumentError, ~r/"name"/, fn -> override(dataset_ref: %{"name" => "b"}) end
    assert_raise ArgumentError, ~r/nil/, fn -> override(nil) end
  end
end
