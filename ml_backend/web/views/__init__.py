"""The pages of a project, one file each; importing a module adds its routes to the blueprint of the pages."""
