"""What all tests share: Hypothesis on a machine that may be busy."""

from hypothesis import settings

# An example takes as long as the machine lets it; what hangs is ended by pytest-timeout.
# The parent is the profile in force: on CI Hypothesis chooses one that tries the same examples each time.
settings.register_profile("project", settings(), deadline=None)
settings.load_profile("project")
