"""Smoke test: place one marked test order by each ingestion path, and follow it to the table and back.

A test order has a customer `SMOKE-<random>` and costs 0.01. It is cancelled at the end and expires like any other.
Until then it is an order: metrics count it, and subscribers of order events receive it.
"""
