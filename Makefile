# Shorthand for the scripts in .ci/, which install what they need.
.PHONY: generate test engines check format structs bench

generate: ## write generated/ from recipes/
	.ci/generate

test: ## lint, types, tests
	.ci/test

engines: ## tests against the real training engines
	.ci/test-engines

check: ## has anything drifted?
	.venv/bin/gen --check recipes/

format: ## format the code of the project itself
	.venv/bin/ruff check --fix . && .venv/bin/ruff format .

structs: ## write what the runtimes hold of the schemas
	.venv/bin/gen structs python > runtime/python/crucible_runtime/ir.py
	.venv/bin/python -m crucible_gen.languages.python.rules > runtime/python/crucible_runtime/rules.json
	.venv/bin/python -m crucible_gen.languages.python.reader runtime/python/crucible_runtime/documents
	.venv/bin/gen structs elixir > runtime/elixir/test/support/crucible_ir.ex
	.venv/bin/python -m crucible_gen.languages.elixir.schema_module > runtime/elixir/lib/crucible_runtime/recipe/schema.ex
