"""What an environment costs a month, before and after a deployment, on demand and provisioned.

prices.toml   list prices, dated, with their sources
load.toml     what an order means in calls, units and bytes, with the reason for each value
load          orders a day as calls a month
tables, services, observability   resources of the templates as priced quantities
estimate      all of it together; before and after; the two ways to pay for the table
"""

from costs.estimate import Alternatives, CostChange, Estimate, alternatives, compare, estimate
from costs.lines import Line

__all__ = ["Alternatives", "CostChange", "Estimate", "Line", "alternatives", "compare", "estimate"]
