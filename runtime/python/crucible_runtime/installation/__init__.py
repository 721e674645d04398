"""What is installed: how this package was, which packages it lacks, and whether generated code fits it."""
