"""The pages for people, one file each; importing a module adds its routes to the blueprint of the pages."""
