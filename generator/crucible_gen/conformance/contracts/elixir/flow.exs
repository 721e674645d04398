defmodule Introspect.Flow do
  @moduledoc """
  Follows the options of a stage's `run/2`: the struct that they are put into, the keys that are read.

  The code is read, not run: the debug information of a compiled module holds every function as Elixir's own syntax
  tree, macros expanded. The options are followed from function to function and from module to module, as a value of
  their own (`{:opts, %{only: keys, without: keys, raw: boolean}}`: all keys or only some, less those taken out, as they
  came or made into another collection). A value is otherwise known only as
  far as that needs: an atom, a struct of a module, a tuple, a function. What is not understood is `:unknown`, and where
  the options go out of sight is written down, so that nobody takes "not seen" for "not read".
  """

  @depth 16
  @calls 20_000

  # What happens to the whole of the options, without anything read from it.
  @harmless [Logger, IO, Inspect, String.Chars, :logger, :io, :erlang, :telemetry]
  @passes_on [:send, :spawn, :spawn_link, :spawn_monitor, :spawn_opt, :put, :hibernate, :make_fun, :nif_error]
  @same_options [
    {Map, [:new, :to_list, :put, :put_new, :merge, :replace, :replace!, :update, :update!, :put_new_lazy, :filter, :reject, :from_struct]},
    {:maps, [:put, :merge, :to_list, :from_list, :filter, :update, :map]},
    {Keyword, [:new, :put, :put_new, :merge, :replace, :update, :filter, :reject, :put_new_lazy]},
    {Enum, [:into, :to_list, :map, :filter, :reject, :uniq, :sort, :uniq_by, :sort_by]}
  ]
  @reads [:get, :fetch, :fetch!, :has_key?, :get_lazy, :get_values, :is_key, :find, :get_and_update]
  @pops [:pop, :pop!, :pop_lazy, :take_first]
  @drops [:drop, :delete, :without, :remove]

  @doc "What the stage does with its options, or nil where its code cannot be read."
  @spec trace(module(), %{module() => Path.t()}) :: map() | nil
  def trace(stage, beams) do
    if definitions(stage, beams) == nil do
      nil
    else
      state = %{beams: beams, vars: %{}, found: [], stack: [], module: stage, calls: 0}
      {_, state} = call(stage, :run, [:unknown, {:opts, %{only: nil, without: [], raw: true}}], state)
      summary(Enum.reverse(state.found))
    end
  end

  defp summary(found) do
    structs = for {:struct, module, mode, opts, depth} <- found, do: {depth, module, mode, opts.only, opts.without}
    reads = for {:read, key, default, required, depth} <- found, do: {key, default, required, depth}

    %{
      struct: if(structs == [], do: nil, else: structs |> Enum.min_by(&elem(&1, 0)) |> Tuple.delete_at(0)),
      reads: merge_reads(reads),
      allowed: for({:allowed, keys} <- found, reduce: nil, do: (all -> (all || []) ++ keys)),
      kinds: for({:kind, kind} <- found, uniq: true, do: kind) |> Enum.sort(),
      escapes: for({:escape, text} <- found, uniq: true, do: text) |> Enum.sort()
    }
  end

  defp merge_reads(reads) do
    # Of several defaults, the one that stands nearest to the stage is the option's.
    reads
    |> Enum.sort_by(fn {_, default, _, depth} -> {default == nil, depth} end)
    |> Enum.reduce(%{}, fn {key, default, required, _}, all ->
      Map.update(all, key, {default, required}, fn {first, was} -> {first, was or required} end)
    end)
  end

  # Functions -----------------------------------------------------------------------------------------------------------

  # Follows a call whose arguments are known as far as they are; returns the call's value.
  defp call(module, name, args, state) do
    key = {module, name, args}

    cond do
      key in state.stack or length(state.stack) >= @depth or state.calls >= @calls ->
        {:unknown, state}

      clauses = clauses(module, name, length(args), state) ->
        outer = state
        state = %{state | stack: [key | state.stack], module: module, calls: state.calls + 1}

        fitting =
          Enum.reject(clauses, fn {_meta, patterns, _guards, _body} ->
            Enum.zip(patterns, args) |> Enum.any?(fn {pattern, value} -> excludes?(pattern, value) end)
          end)

        {values, state} =
          Enum.map_reduce(fitting, state, fn {_meta, patterns, guards, body}, state ->
            state = Enum.zip(patterns, args) |> Enum.reduce(%{state | vars: %{}}, fn {p, v}, s -> bind(p, v, s) end)
            state = if length(fitting) == 1, do: kinds(guards, state), else: state
            eval(body, state)
          end)

        {join(values), %{state | vars: outer.vars, stack: outer.stack, module: outer.module}}

      true ->
        {:unknown, if(Enum.any?(args, &options?/1), do: note(state, {:escape, shown(module, name, args)}), else: state)}
    end
  end

  # A guard on the only clause says which kind of options the stage takes.
  defp kinds(guards, state) do
    Enum.reduce(guards, state, fn
      {{:., _, [:erlang, :is_map]}, _, [var]}, state -> kind_of_guard(var, "map", state)
      {{:., _, [:erlang, :is_list]}, _, [var]}, state -> kind_of_guard(var, "keyword", state)
      _, state -> state
    end)
  end

  defp kind_of_guard(var, kind, state) do
    with {:opts, opts} <- lookup(var, state), do: kind(state, kind, opts), else: (_ -> state)
  end

  defp clauses(module, name, arity, state) do
    with definitions when definitions != nil <- definitions(module, state.beams),
         {_, _, _, clauses} <- Enum.find(definitions, &match?({{^name, ^arity}, _, _, _}, &1)) do
      clauses
    else
      _ -> nil
    end
  end

  @doc "Every function of a compiled module as syntax trees, or nil where that is not in the file."
  @spec definitions(module(), %{module() => Path.t()}) :: [tuple()] | nil
  def definitions(module, beams) do
    key = {__MODULE__, module}

    case Process.get(key, :none) do
      :none ->
        found = with path when path != nil <- beams[module], do: read(path)
        Process.put(key, found)
        found

      found ->
        found
    end
  end

  defp read(path) do
    case :beam_lib.chunks(String.to_charlist(path), [:debug_info]) do
      {:ok, {_, [debug_info: {:debug_info_v1, _, {:elixir_v1, %{definitions: definitions}, _}}]}} -> definitions
      _ -> nil
    end
  end

  # Patterns ------------------------------------------------------------------------------------------------------------

  # The options are a plain map or a keyword list, so a clause for a struct or another shape is not for them.
  defp excludes?({:=, _, [left, right]}, value), do: excludes?(left, value) or excludes?(right, value)
  defp excludes?({:%, _, [_, _]}, {:opts, _}), do: true
  defp excludes?(pattern, {:opts, _}) when is_atom(pattern) or is_number(pattern) or is_binary(pattern), do: true
  defp excludes?({:{}, _, _}, {:opts, _}), do: true
  defp excludes?({_, _}, {:opts, _}), do: true
  defp excludes?(pattern, {:atom, atom}) when is_atom(pattern), do: pattern != atom
  defp excludes?({:%, _, [module, _]}, {:struct, other}) when is_atom(module), do: module != other
  defp excludes?(_, _), do: false

  defp bind({:=, _, [left, right]}, value, state), do: bind(right, value, bind(left, value, state))
  defp bind({:when, _, [pattern, _]}, value, state), do: bind(pattern, value, state)
  defp bind({name, _, context} = var, value, state) when is_atom(name) and is_atom(context), do: put(var, value, state)

  defp bind({:%{}, _, pairs}, {:opts, opts}, state) do
    Enum.reduce(pairs, state, fn
      {key, pattern}, state when is_atom(key) -> state |> note({:read, key, nil, true}) |> kind("map", opts) |> then(&bind(pattern, {:option, key}, &1))
      {_, pattern}, state -> bind(pattern, :unknown, state)
    end)
  end

  defp bind({:{}, _, patterns}, {:tuple, values}, state) when length(patterns) == length(values) do
    Enum.zip(patterns, values) |> Enum.reduce(state, fn {p, v}, s -> bind(p, v, s) end)
  end

  defp bind({left, right}, {:tuple, [first, second]}, state), do: bind(right, second, bind(left, first, state))
  defp bind({left, right}, _, state), do: bind(right, :unknown, bind(left, :unknown, state))
  defp bind([{:|, _, [head, tail]}], value, state), do: bind(tail, value, bind(head, :unknown, state))
  defp bind(list, _, state) when is_list(list), do: Enum.reduce(list, state, &bind(&1, :unknown, &2))
  defp bind({_, _, args}, _, state) when is_list(args), do: Enum.reduce(args, state, &bind(&1, :unknown, &2))
  defp bind(_, _, state), do: state

  # Expressions ---------------------------------------------------------------------------------------------------------

  defp eval({name, _, context} = var, state) when is_atom(name) and is_atom(context), do: {lookup(var, state), state}
  defp eval(atom, state) when is_atom(atom), do: {{:atom, atom}, state}
  defp eval(other, state) when is_number(other) or is_binary(other), do: {{:literal, other}, state}

  defp eval(list, state) when is_list(list) do
    {values, state} = Enum.map_reduce(list, state, &eval/2)
    {keep(values, {:list, values}), state}
  end

  defp eval({left, right}, state) do
    {first, state} = eval(left, state)
    {second, state} = eval(right, state)
    {{:tuple, [first, second]}, state}
  end

  defp eval({:{}, _, items}, state) do
    {values, state} = Enum.map_reduce(items, state, &eval/2)
    {{:tuple, values}, state}
  end

  defp eval({:=, _, [pattern, expression]}, state) do
    {value, state} = eval(expression, state)
    {value, bind(pattern, value, state)}
  end

  defp eval({:__block__, _, expressions}, state) do
    Enum.reduce(expressions, {:unknown, state}, fn expression, {_, state} -> eval(expression, state) end)
  end

  defp eval({:case, _, [subject, [do: clauses]]}, state) do
    {value, state} = eval(subject, state)
    state = default_of_or(value, clauses, state)
    branches(clauses, [value], state)
  end

  defp eval({:cond, _, [[do: clauses]]}, state) do
    {values, state} =
      Enum.map_reduce(clauses, state, fn {:->, _, [[condition], body]}, state ->
        {_, state} = eval(condition, state)
        eval(body, state)
      end)

    {join(values), state}
  end

  defp eval({:with, _, steps}, state) do
    {steps, [blocks]} = Enum.split(steps, -1)
    state = Enum.reduce(steps, state, &step/2)
    {value, state} = eval(blocks[:do], state)
    {other, state} = branches(blocks[:else] || [], [:unknown], state)
    {join([value, other]), state}
  end

  defp eval({:for, _, steps}, state) do
    {steps, [blocks]} = Enum.split(steps, -1)
    {of_options, state} = generators(steps, state)
    {_, state} = eval(blocks[:do], state)
    {if(of_options, do: of_options, else: :unknown), state}
  end

  defp eval({:try, _, [blocks]}, state) do
    {value, state} = eval(blocks[:do], state)

    state =
      Enum.reduce([:rescue, :catch, :else], state, fn part, state -> branches(blocks[part] || [], [:unknown], state) |> elem(1) end)

    {_, state} = eval(blocks[:after], state)
    {value, state}
  end

  defp eval({:receive, _, [blocks]}, state), do: branches(blocks[:do] || [], [:unknown], state)

  defp eval({:fn, _, clauses}, state) do
    # The body may use the options of around it, whenever it is called, and give them to whoever calls it.
    {value, state} = branches(clauses, [:unknown], state)
    {{:fn, clauses, options?(value)}, state}
  end

  defp eval({:&, _, [{:/, _, [{{:., _, [module, name]}, _, _}, arity]}]}, state) when is_atom(module), do: {{:capture, module, name, arity}, state}
  defp eval({:&, _, [{:/, _, [{name, _, _}, arity]}]}, state), do: {{:capture, state.module, name, arity}, state}

  defp eval({:%, _, [module, {:%{}, _, pairs}]}, state) when is_atom(module) do
    {values, state} = pair_values(pairs, state)
    {{:struct, module}, out_of_sight(values, "%#{inspect(module)}{}", state)}
  end

  defp eval({:%{}, _, [{:|, _, [base, pairs]}]}, state) do
    {value, state} = eval(base, state)
    {values, state} = pair_values(pairs, state)
    {value, out_of_sight(values, "a map", state)}
  end

  defp eval({:%{}, _, pairs}, state) do
    {values, state} = pair_values(pairs, state)
    {{:map, for({key, _} <- pairs, is_atom(key), do: key)}, out_of_sight(values, "a map", state)}
  end

  # A field of a value, or a call without arguments of a module that is known only when it runs.
  defp eval({{:., _, [target, name]}, meta, []}, state) when not is_atom(target) do
    {value, state} = eval(target, state)

    cond do
      match?({:opts, _}, value) -> {{:option, name}, state |> note({:read, name, nil, true}) |> kind("map", elem(value, 1))}
      match?({:atom, _}, value) and meta[:no_parens] != true -> call(elem(value, 1), name, [], state)
      true -> {:unknown, state}
    end
  end

  defp eval({{:., _, [target, name]}, _, args}, state) do
    {module, state} = eval(target, state)
    {values, state} = Enum.map_reduce(args, state, &eval/2)
    with {:atom, module} <- module, do: remote(module, name, values, state), else: (_ -> {:unknown, out_of_sight(values, "#{Macro.to_string(target)}.#{name}", state)})
  end

  # A function in a variable, or written where it is called (`then/2`).
  defp eval({{:., _, [function]}, _, args}, state) do
    {function, state} = eval(function, state)
    {values, state} = Enum.map_reduce(args, state, &eval/2)
    apply_function(function, values, state)
  end

  defp eval({name, _, args}, state) when is_atom(name) and is_list(args) do
    {values, state} = Enum.map_reduce(args, state, &eval/2)

    # Without options in it a call matters only where it may name a module.
    if Enum.any?(values, &options?/1) or args == [] do
      call(state.module, name, values, state)
    else
      {:unknown, state}
    end
  end

  defp eval(_, state), do: {:unknown, state}

  defp step({:<-, _, [pattern, expression]}, state) do
    {value, state} = eval(expression, state)
    bind(pattern, value, state)
  end

  defp step(expression, state), do: expression |> eval(state) |> elem(1)

  defp generators(steps, state) do
    Enum.reduce(steps, {nil, state}, fn
      {:<-, _, [pattern, expression]}, {of_options, state} ->
        {value, state} = eval(expression, state)
        {of_options || if(options?(value), do: value), bind(pattern, :unknown, state)}

      other, {of_options, state} ->
        {of_options, other |> eval(state) |> elem(1)}
    end)
  end

  defp branches(clauses, values, state) do
    {results, state} =
      Enum.map_reduce(clauses, state, fn {:->, _, [patterns, body]}, state ->
        patterns = patterns |> Enum.flat_map(fn {:when, _, parts} -> Enum.drop(parts, -1); pattern -> [pattern] end)
        known = values ++ List.duplicate(:unknown, max(length(patterns) - length(values), 0))
        pairs = Enum.zip(patterns, known)

        if Enum.any?(pairs, fn {pattern, value} -> excludes?(pattern, value) end) do
          {:unknown, state}
        else
          eval(body, Enum.reduce(pairs, state, fn {p, v}, s -> bind(p, v, s) end))
        end
      end)

    {join(results), state}
  end

  # `opts[:key] || default` is a case whose first clause is for nil and false.
  defp default_of_or({:option, key}, [{:->, _, [[{:when, _, _}], default]} | _], state) do
    case literal(default) do
      {:ok, text} -> note(state, {:read, key, text, false})
      :error -> state
    end
  end

  defp default_of_or(_, _, state), do: state

  defp pair_values(pairs, state) do
    {values, state} =
      Enum.map_reduce(pairs, state, fn
        {key, value}, state ->
          {_, state} = eval(key, state)
          eval(value, state)

        other, state ->
          eval(other, state)
      end)

    {values, state}
  end

  # Calls of other modules ------------------------------------------------------------------------------------------------

  defp remote(module, name, values, state) do
    case {module, name, values} do
      {Kernel, strict, [base, {:opts, opts}]} when strict in [:struct!, :struct] ->
        put_into(base, if(strict == :struct!, do: "raise", else: "ignored"), opts, state)

      {module, :__struct__, [{:opts, opts}]} ->
        put_into({:atom, module}, "raise", opts, state)

      {merge, :merge, [{:struct, _} = base, {:opts, opts}]} when merge in [Map, :maps] ->
        put_into(base, "ignored", opts, state)

      {Enum, :reduce, [{:opts, opts}, {:struct, _} = base, function]} ->
        put_into(base, if(replaces?(function), do: "raise", else: "ignored"), opts, state)

      {Keyword, check, [{:opts, opts}, keys]} when check in [:validate!, :validate] ->
        {checked(check, opts), state |> allow(keys) |> kind("keyword", opts)}

      {NimbleOptions, check, [{:opts, opts}, keys]} when check in [:validate!, :validate] ->
        {checked(check, opts), allow(state, keys)}

      {Ecto.Changeset, :cast, [base, {:opts, _}, keys]} ->
        {base, read_all(state, keys)}

      {:maps, read, [key, {:opts, opts} | rest]} when read in [:get, :find, :is_key] ->
        read_key(key, rest, read == :get and rest == [], kind(state, "map", opts))

      {:maps, :take, [key, {:opts, opts}]} ->
        {_, state} = read_key(key, [], false, kind(state, "map", opts))
        {{:tuple, [:unknown, without(opts, key)]}, state}

      {:maps, drop, [keys, {:opts, opts}]} when drop in [:remove, :without] ->
        {without(opts, keys), read_all(kind(state, "map", opts), keys)}

      {:maps, :with, [keys, {:opts, opts}]} ->
        {only(opts, keys), read_all(kind(state, "map", opts), keys)}

      {module, read, [{:opts, opts}, key | rest]} when module in [Map, Keyword, Access] and read in @reads ->
        read_key(key, rest, read == :fetch!, kind_of(module, opts, state))

      {module, pop, [{:opts, opts}, key | rest]} when module in [Map, Keyword] and pop in @pops ->
        {value, state} = read_key(key, rest, pop == :pop!, kind_of(module, opts, state))
        {{:tuple, [value, without(opts, key)]}, state}

      {module, drop, [{:opts, opts}, keys]} when module in [Map, Keyword] and drop in @drops ->
        {without(opts, keys), read_all(kind_of(module, opts, state), keys)}

      {module, :take, [{:opts, opts}, keys]} when module in [Map, Keyword] ->
        {only(opts, keys), read_all(kind_of(module, opts, state), keys)}

      {module, :split, [{:opts, opts}, keys]} when module in [Map, Keyword] ->
        {{:tuple, [only(opts, keys), without(opts, keys)]}, read_all(kind_of(module, opts, state), keys)}

      {kernel, :apply, [{:atom, target}, {:atom, function}, {:list, args}]} when kernel in [:erlang, Kernel] ->
        remote(target, function, args, state)

      {Task, :async, [{:fn, clauses, _}]} ->
        branches(clauses, [], state)

      {harmless, _, _} when harmless in @harmless and name not in @passes_on ->
        {:unknown, state}

      _ ->
        other(module, name, values, state)
    end
  end

  defp other(module, name, values, state) do
    options = Enum.find_value(values, &with({:opts, opts} <- &1, do: opts, else: (_ -> nil)))

    cond do
      options && Enum.any?(@same_options, fn {known, names} -> known == module and name in names end) ->
        {{:opts, %{options | raw: false}}, kind_of(module, options, state, name)}

      Map.has_key?(state.beams, module) and (Enum.any?(values, &options?/1) or values == []) -> call(module, name, values, state)
      true -> {:unknown, out_of_sight(values, "#{inspect(module)}.#{name}", state)}
    end
  end

  defp apply_function({:fn, clauses, _}, values, state), do: branches(clauses, values, state)
  defp apply_function({:capture, module, name, _}, values, state), do: remote_or_call(module, name, values, state)
  defp apply_function(_, values, state), do: {:unknown, out_of_sight(values, "a function", state)}

  defp remote_or_call(module, name, values, %{module: module} = state), do: call(module, name, values, state)
  defp remote_or_call(module, name, values, state), do: remote(module, name, values, state)

  defp put_into({kind, module}, mode, opts, state) when kind in [:atom, :struct] and module != nil do
    {{:struct, module}, note(state, {:struct, module, mode, opts, length(state.stack)})}
  end

  defp put_into(_, _, _, state), do: {:unknown, note(state, {:escape, "a struct that is known only when it runs"})}

  defp read_key({:atom, key}, rest, required, state) do
    default = case rest do
      [value | _] -> known_text(value)
      [] -> nil
    end

    {{:option, key}, note(state, {:read, key, default, required})}
  end

  defp read_key({:literal, _}, _, _, state), do: {:unknown, state}
  defp read_key(_, _, _, state), do: {:unknown, note(state, {:escape, "a key that is known only when it runs"})}

  defp read_all(state, keys) do
    case key_list(keys) do
      [] -> if keys == {:list, []}, do: state, else: note(state, {:escape, "keys that are known only when it runs"})
      keys -> Enum.reduce(keys, state, &note(&2, {:read, &1, nil, false}))
    end
  end

  # The keys that a check of the options allows; each may come with its default.
  defp allow(state, {:list, items}) do
    keys = Enum.map(items, fn
      {:atom, key} -> {key, nil}
      {:tuple, [{:atom, key}, default]} -> {key, known_text(default)}
      _ -> nil
    end)

    if nil in keys do
      note(state, {:escape, "keys that are known only when it runs"})
    else
      state = note(state, {:allowed, Enum.map(keys, &elem(&1, 0))})
      Enum.reduce(keys, state, fn {key, default}, state -> note(state, {:read, key, default, false}) end)
    end
  end

  defp allow(state, _), do: note(state, {:escape, "keys that are known only when it runs"})

  defp key_list({:atom, key}), do: [key]
  defp key_list({:list, items}), do: for({:atom, key} <- items, do: key)
  defp key_list(_), do: []

  defp only(opts, keys), do: {:opts, %{opts | only: key_list(keys)}}
  defp without(opts, keys), do: {:opts, %{opts | without: opts.without ++ key_list(keys)}}
  defp checked(:validate!, opts), do: {:opts, opts}
  defp checked(:validate, opts), do: {:tuple, [{:atom, :ok}, {:opts, opts}]}

  # Whoever gets the options as they came requires a map or a keyword list.
  defp kind(state, kind, %{raw: true}), do: note(state, {:kind, kind})
  defp kind(state, _, _), do: state

  defp kind_of(module, opts, state, name \\ nil)
  defp kind_of(Map, opts, state, name) when name != :new, do: kind(state, "map", opts)
  defp kind_of(Keyword, opts, state, name) when name != :new, do: kind(state, "keyword", opts)
  defp kind_of(_, _, state, _), do: state

  defp replaces?({:fn, clauses, _}) do
    {_, found} =
      Macro.prewalk(clauses, false, fn
        {{:., _, [Map, :replace!]}, _, _} = node, _ -> {node, true}
        {{:., _, [:maps, :update]}, _, _} = node, _ -> {node, true}
        {:%{}, _, [{:|, _, _}]} = node, _ -> {node, true}
        node, found -> {node, found}
      end)

    found
  end

  defp replaces?(_), do: false

  # Values --------------------------------------------------------------------------------------------------------------

  defp options?({:opts, _}), do: true
  defp options?({:tuple, values}), do: Enum.any?(values, &options?/1)
  defp options?({:list, values}), do: Enum.any?(values, &options?/1)
  defp options?(_), do: false

  defp keep(values, whole) do
    if Enum.all?(values, &match?({kind, _} when kind in [:atom, :tuple, :list, :literal], &1)) or Enum.any?(values, &options?/1), do: whole, else: :unknown
  end

  # Of the branches of a case, the one that still is the options decides, then any that is known.
  defp join(values) do
    Enum.find(values, &options?/1) || Enum.find(values, :unknown, &(&1 != :unknown and not match?({:atom, nil}, &1)))
  end

  defp out_of_sight(values, where, state) do
    if Enum.any?(values, &(options?(&1) or match?({:fn, _, true}, &1))), do: note(state, {:escape, where}), else: state
  end

  defp note(state, {:read, key, default, required}) do
    note(state, {:read, key, default, required, length(state.stack)})
  end

  defp note(state, finding), do: %{state | found: [finding | state.found]}

  defp lookup({name, meta, context}, state), do: Map.get(state.vars, {name, meta[:version], context}, :unknown)
  defp lookup(_, _), do: :unknown

  defp put({name, meta, context}, value, state), do: %{state | vars: Map.put(state.vars, {name, meta[:version], context}, value)}

  defp known_text({:atom, nil}), do: nil
  defp known_text({:atom, atom}), do: Introspect.Source.text(atom)
  defp known_text({:literal, value}), do: Introspect.Source.text(value)
  defp known_text({:list, []}), do: "[]"
  defp known_text({:map, []}), do: "%{}"

  defp known_text({:list, items}) do
    texts = Enum.map(items, &known_text/1)
    if nil in texts, do: nil, else: "[" <> Enum.join(texts, ", ") <> "]"
  end

  defp known_text(_), do: nil

  defp literal({:%{}, _, []}), do: {:ok, "%{}"}
  defp literal(nil), do: :error
  defp literal(value) when is_atom(value) or is_number(value) or is_binary(value), do: {:ok, Introspect.Source.text(value)}
  defp literal(list) when is_list(list), do: if(Enum.all?(list, &(is_atom(&1) or is_number(&1) or is_binary(&1))), do: {:ok, Introspect.Source.text(list)}, else: :error)
  defp literal(_), do: :error

  defp shown(module, name, args), do: "#{inspect(module)}.#{name}/#{length(args)}"
end
