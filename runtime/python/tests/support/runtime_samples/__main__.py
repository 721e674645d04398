"""Lists the recipes of this package."""

import sys

from crucible_runtime import list_recipes

if __name__ == "__main__":
    sys.exit(list_recipes("runtime_samples"))
