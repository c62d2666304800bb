"""Does a deployment do its work? One marked test order by each way in, followed to the table and back. Shows nothing.

A test order is known by its customer, `SMOKE-` and something random, and costs 0.01. It ends cancelled, and expires
like any other. Until then it is an order: it counts in the metrics, and subscribers of order events hear of it.
"""
