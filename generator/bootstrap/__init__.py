"""Who may deploy: the template of a pipeline's roles, with the actions that the platform's templates need."""
