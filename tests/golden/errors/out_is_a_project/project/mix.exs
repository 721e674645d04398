# a project
