"""What is measured, a module for each section: `measure(effort)` returns its rows."""

import pkgutil

SECTIONS = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
