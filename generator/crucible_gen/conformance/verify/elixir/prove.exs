defmodule Verify.Prove do
  @moduledoc """
  Collects plain facts about a recipe of the request, as its own packages report them. What the
  numbers should be is not known here.
  """

  alias Verify.{Direct, Live, Outcome, Run}

  @doc "The experiment, what the package's validation says of it, and its JSON, with each set of overrides."
  def literal(recipe) do
    module = Module.concat([recipe.module])

    Map.merge(
      %{
        built: Outcome.of(fn -> {:ok, built(module, [])} end),
        valid: valid(module),
        jsons: Enum.map([[] | recipe.overrides], &json(module, &1)),
        jason: jason(module)
      },
      %{pipeline: pipeline(module)}
    )
  end

  defp built(module, overrides), do: module.build_spec(%{training_config: overrides})

  # What comes back from `work`, or the message of what it raised.
  defp try_(work) do
    {:ok, work.()}
  rescue
    error -> {:error, Exception.message(error)}
  catch
    kind, reason -> {:error, "#{kind} #{inspect(reason)}"}
  end

  defp valid(module) do
    validation = Module.concat(["CrucibleIR", "Validation"])

    case try_(fn -> validation.validate(built(module, [])) end) do
      {:ok, {:ok, _}} -> []
      {:ok, {:error, errors}} -> Enum.map(List.wrap(errors), &to_text/1)
      {:ok, other} -> [inspect(other)]
      {:error, message} -> [message]
    end
  end

  defp to_text(error) when is_binary(error), do: error
  defp to_text(error), do: inspect(error)

  defp json(module, overrides) do
    case try_(fn -> Run.facade().to_json(built(module, overrides)) end) do
      {:ok, json} -> %{json: json, error: nil}
      {:error, message} -> %{json: nil, error: message}
    end
  end

  # The package's own JSON of the same experiment, keys sorted; it cannot write keyword lists.
  defp jason(module) do
    jason = Module.concat(["Jason"])

    with true <- Code.ensure_loaded?(jason),
         {:ok, text} <- try_(fn -> Module.concat(["CrucibleIR", "Serialization"]).to_json(built(module, [])) end),
         {:ok, sorted} <- try_(fn -> text |> jason.decode!(objects: :ordered_objects) |> sorted() |> jason.encode!() end) do
      sorted
    else
      _ -> nil
    end
  end

  defp sorted(%{__struct__: _, values: values} = object),
    do: %{object | values: values |> Enum.map(fn {key, value} -> {key, sorted(value)} end) |> Enum.sort_by(&elem(&1, 0))}

  defp sorted(list) when is_list(list), do: Enum.map(list, &sorted/1)
  defp sorted(value), do: value

  defp pipeline(module) do
    case try_(fn -> built(module, []).pipeline end) do
      {:ok, stages} -> Enum.map(stages, &stage/1)
      {:error, _} -> []
    end
  end

  defp stage(stage) do
    keys = if stage.options == nil, do: [], else: for({key, _} <- stage.options, do: key)
    loaded = Code.ensure_loaded?(stage.module)
    %{name: stage.name, module: inspect(stage.module), loaded: loaded, keys: keys, described: described(stage, loaded)}
  end

  # `describe/1` may raise; what it lists is not all that a stage takes.
  defp described(stage, true) do
    case try_(fn -> stage.module.describe(stage.options || %{}) end) do
      {:ok, %{} = described} -> List.wrap(described[:required]) ++ List.wrap(described[:optional])
      _ -> nil
    end
  end

  defp described(_, false), do: nil

  @doc """
  The options of a recipe's training stages that the stages refuse: without live values a stage ends
  as soon as it has read its options, or raises `KeyError`.
  """
  def refused(recipe) do
    module = Module.concat([recipe.module])

    case try_(fn -> for(%{name: name} = stage <- built(module, []).pipeline, name in recipe.training, do: stage) end) do
      {:ok, stages} -> Map.new(stages, &{&1.name, refusals(&1)})
      {:error, _} -> %{}
    end
  end

  defp refusals(%{module: module, options: options}) do
    if Code.ensure_loaded?(module) and is_map(options) do
      strange = :gen_verify_no_such_option
      %{refused: refused_keys(module, options), strict: refused_keys(module, Map.put(options, strange, nil)) != refused_keys(module, options)}
    else
      %{refused: [], strict: false}
    end
  end

  defp refused_keys(module, options) do
    case refused_key(module, options) do
      nil -> []
      key -> [key | refused_keys(module, Map.delete(options, key))]
    end
  end

  defp refused_key(module, options) do
    module.run(context(), options)
    nil
  rescue
    error in KeyError -> if Map.has_key?(options, error.key), do: error.key
    _ -> nil
  catch
    _, _ -> nil
  end

  def context do
    Live.struct_or_map(["Crucible", "Context"], %{experiment_id: :verify, run_id: "verify", experiment: nil})
  end

  # Runs -----------------------------------------------------------------------------------------------------------

  @doc "The training stages run alone, by the runner without the facade: the stages of the packages themselves."
  def plain(recipe) do
    module = Module.concat([recipe.module])
    %{overrides: overrides, rounds: rounds} = hd(recipe.runs)

    run(fn -> Run.stages(built(module, overrides), recipe.training, rounds, validate_options: :error) end)
    |> Map.delete(:calls)
  end

  @doc "The training stages run alone, by the facade: as the recipe says, and with each set of overrides."
  def rates(recipe) do
    module = Module.concat([recipe.module])
    training = &Enum.filter(&1, fn stage -> stage.name in recipe.training end)

    for base <- recipe.runs do
      run(fn -> Run.facade(module, base, training, [], evaluate: false, validate_options: :error) end)
    end
  end

  # An experiment that cannot even be built is an outcome too.
  defp run(work) do
    case try_(work) do
      {:ok, run} -> run
      {:error, message} -> %{outcome: %{status: :raised, stage: nil, exception: "", function: nil, message: message}, seen: nil, calls: []}
    end
  end

  @doc "The facade with a client that is sound, and with one that fails, at several calls."
  def failures(recipe) do
    module = Module.concat([recipe.module])
    base = hd(recipe.runs)
    training = &Enum.filter(&1, fn stage -> stage.name in recipe.training end)

    for fail <- [nil | recipe.failures] do
      %{outcome: outcome} = Run.facade(module, base, training, [fail: fail], evaluate: false)
      %{fail: fail && "#{fail.function} #{fail.nth + 1}", outcome: outcome}
    end
  end

  @doc "The whole pipeline and the evaluation through the facade, before stores in memory; `reasons` says what cannot be run."
  def whole(recipe, reasons) do
    module = Module.concat([recipe.module])
    base = hd(recipe.runs)
    evaluation = module.evaluation()
    columns = for %{input_column: input, target_column: target} <- (evaluation || %{tasks: []}).tasks, column <- [input, target], do: column
    evaluate = evaluation != nil and Code.ensure_loaded?(Module.concat(["TinkexCookbook", "Eval", "Runner"]))
    change = &(&1 |> Enum.filter(fn stage -> runnable?(stage, recipe, reasons) end) |> Enum.map(fn stage -> in_memory(stage) end))
    whole = Run.facade(module, base, change, [columns: columns], evaluate: evaluate)
    rest = Run.facade(module, base, fn stages -> stages |> change.() |> Enum.reject(&(&1.name in recipe.training)) end, [columns: columns], evaluate: false)

    %{
      outcome: whole.outcome,
      # What follows a training stage that cannot end is still run, without it.
      rest: rest.outcome,
      evaluated: evaluate,
      evaluates: evaluation != nil,
      not_run: for(stage <- built(module, []).pipeline, not runnable?(stage, recipe, reasons), do: {stage.name, reason(stage, recipe, reasons)})
    }
  end

  defp runnable?(stage, recipe, reasons), do: reason(stage, recipe, reasons) == nil

  defp reason(stage, recipe, reasons) do
    package = Enum.find_value(recipe.packages, fn {name, package} -> name == stage.name && package end)

    cond do
      not Code.ensure_loaded?(stage.module) -> "#{package || inspect(stage.module)} is not among the compiled packages"
      reasons[package] -> "#{package}: #{reasons[package]}"
      true -> nil
    end
  end

  defp in_memory(%{module: module, options: %{} = options} = stage) do
    deploy = Module.concat(["CrucibleDeployment", "Stages", "Deploy"])
    if module == deploy, do: %{stage | options: Map.put(options, :target, Verify.Target)}, else: stage
  end

  defp in_memory(%{options: options} = stage) when is_list(options),
    do: %{stage | options: Enum.reject(options, &match?({:storage, _}, &1))}

  defp in_memory(stage), do: stage

  # Options without effect -------------------------------------------------------------------------------------------

  @doc """
  For each option, whether the client saw anything else when it had another value: through the
  ports, and as a struct that the loop calls itself.
  """
  def effects(recipe) do
    module = Module.concat([recipe.module])
    %{overrides: overrides, rounds: rounds} = hd(recipe.runs)
    experiment = built(module, overrides)

    for {name, changes} <- recipe.effects do
      direct = fn experiment -> Run.stages(experiment, [name], rounds, live: %{Live.values(rounds) | ports: nil} |> Map.put(:training_client, %Direct{})) end
      ports = fn experiment -> Run.stages(experiment, [name], rounds) end
      before = %{ports: ports.(experiment).calls, direct: direct.(experiment).calls}

      changed =
        for {option, value} <- changes do
          changed = with_option(experiment, name, option, value)
          through = ports.(changed).calls != before.ports
          {option, %{ports: through, direct: through or direct.(changed).calls != before.direct}}
        end

      {name, Map.new(changed)}
    end
    |> Map.new()
  end

  defp with_option(experiment, name, option, value) do
    pipeline =
      for stage <- experiment.pipeline do
        if stage.name == name, do: %{stage | options: Map.replace(stage.options, option, value)}, else: stage
      end

    %{experiment | pipeline: pipeline}
  end
end
