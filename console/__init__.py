"""A page for a run on the emulator: place orders, watch them pass queue, table and topic, redrive dead letters.

`python -m console` serves it on 127.0.0.1. `access` decides who may ask, `server` speaks HTTP, `routes` says what each
path does; `deployment` finds what is deployed, `watching` reads its state when a page asks for it, `traces` makes
orders of log lines. Nothing is read while no page is open.
"""
