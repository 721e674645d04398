# Asked: elixir -pa ... main.exs QUESTION ANSWER, in a scratch directory.
#
# The question is an Elixir term in a file, written by us; the answer is JSON in a file, so that nothing
# that a package prints can end up in it. Nothing is compiled to disk, no project is loaded, and no
# application is started but crucible_deployment, and that only with `run` and for a recipe that deploys.

[question, answer] = System.argv()
:logger.set_primary_config(:level, :none)
for name <- ~w(json compile recorder live stores run prove probe), do: Code.require_file("#{name}.exs", __DIR__)

{question, _} = Code.eval_file(question)
for path <- question.paths, do: Code.append_path(path)

answer! = fn found ->
  File.write!(answer, Verify.JSON.encode(Map.put(found, :elixir, System.version())))
  System.halt(0)
end

missing = for name <- question.needs, not Code.ensure_loaded?(Module.concat([name])), do: name
if missing != [], do: answer!.(%{missing: missing})

said = Verify.Compile.files(question.shared, Enum.map(question.recipes, & &1.file))
wrong = for %{severity: :error, file: file} <- said, do: file
recipes = Enum.reject(question.recipes, &(&1.file in wrong))

# Without the modules that all recipes share none can be asked.
if Enum.any?(wrong, &(&1 in question.shared)), do: answer!.(%{missing: [], said: said, recipes: %{}})

{:ok, _} = Verify.Recorder.start()
packages = for recipe <- recipes, {_stage, package} <- recipe.packages, uniq: true, do: package
reasons = if question.run, do: Verify.Stores.prepare(packages), else: %{}

facts = fn recipe ->
  facts = Map.put(Verify.Prove.literal(recipe), :refused, Verify.Prove.refused(recipe))

  if question.run and facts.built.status == :ok do
    run = %{rates: Verify.Prove.rates(recipe), failures: Verify.Prove.failures(recipe), whole: Verify.Prove.whole(recipe, reasons)}
    facts |> Map.merge(run) |> Map.put(:effects, Verify.Prove.effects(recipe))
  else
    facts
  end
end

answer!.(%{
  missing: [],
  said: said,
  recipes: Map.new(recipes, &{&1.id, facts.(&1)}),
  probes: if(question.run, do: Verify.Probe.all(question.probes), else: %{})
})
