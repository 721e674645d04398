# Run as: elixir main.exs REQUEST RESPONSE, in a scratch directory.
#
# The request is an Elixir term in a file, written by gen; the response is JSON in a file, so that nothing
# that a package prints can end up in it. Nothing is compiled to disk, no project is loaded, and no
# application is started but crucible_deployment, and that only with `run` and for a recipe that deploys.

[request, response] = System.argv()
:logger.set_primary_config(:level, :none)
for name <- ~w(json compile recorder live stores run prove probe), do: Code.require_file("#{name}.exs", __DIR__)

{request, _} = Code.eval_file(request)
for path <- request.paths, do: Code.append_path(path)

respond! = fn found ->
  File.write!(response, Verify.JSON.encode(Map.put(found, :elixir, System.version())))
  System.halt(0)
end

missing = for name <- request.needs, not Code.ensure_loaded?(Module.concat([name])), do: name
if missing != [], do: respond!.(%{missing: missing})

:persistent_term.put(Verify.Run, Module.concat([request.facade]))
diagnostics = Verify.Compile.files(request.shared, Enum.map(request.recipes, & &1.file))
wrong = for %{severity: :error, file: file} <- diagnostics, do: file
recipes = Enum.reject(request.recipes, &(&1.file in wrong))

# Without the modules that all recipes share no recipe can be loaded.
if Enum.any?(wrong, &(&1 in request.shared)), do: respond!.(%{missing: [], diagnostics: diagnostics, recipes: %{}})

{:ok, _} = Verify.Recorder.start()
packages = for recipe <- recipes, {_stage, package} <- recipe.packages, uniq: true, do: package
reasons = if request.run, do: Verify.Stores.prepare(packages), else: %{}

facts = fn recipe ->
  facts = Map.put(Verify.Prove.literal(recipe), :refused, Verify.Prove.refused(recipe))

  if request.run and facts.built.status == :ok do
    run = %{plain: Verify.Prove.plain(recipe), rates: Verify.Prove.rates(recipe), failures: Verify.Prove.failures(recipe), whole: Verify.Prove.whole(recipe, reasons)}
    facts |> Map.merge(run) |> Map.put(:effects, Verify.Prove.effects(recipe))
  else
    facts
  end
end

respond!.(%{
  missing: [],
  diagnostics: diagnostics,
  recipes: Map.new(recipes, &{&1.id, facts.(&1)}),
  probes: if(request.run, do: Verify.Probe.all(request.probes), else: %{})
})
