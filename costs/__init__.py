"""Estimate an environment's monthly cost, before and after a deployment, on demand and provisioned.

prices.toml   list prices, dated, with their sources
load.toml     calls, units and bytes for each order, with the reason for each value
load          converts orders a day to calls a month
lines         priced quantities, and the billed resources of the templates
tables, services, observability   cost lines of the resources
environments  the stacks of an environment in this checkout
estimate      the complete estimate; before and after; both billing modes of the table
"""

from costs.estimate import Alternatives, CostChange, Estimate, alternatives, compare, estimate
from costs.lines import Line

__all__ = ["Alternatives", "CostChange", "Estimate", "Line", "alternatives", "compare", "estimate"]
