"""What is measured, a module for each section: `measure(effort)` returns its rows."""

import pkgutil

SECTIONS = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
BY_DEFAULT = tuple(section for section in SECTIONS if section != "load")
"""The sections of `make bench`; `make load` installs the load tool and measures the other one."""
