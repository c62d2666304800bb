"""Calculate what limits the platform first as its load grows, and what to turn then. Pure.

limits.toml        quotas and physical limits of AWS, each with its source, and what raises it
assumptions.toml   shares and durations that costs/load.toml does not have, with the reason for each value
limits             reads both
platform           the limits that this project sets, from the templates of an environment
demand             what a load needs of each limit
usage              demand beside limit, sorted; the load at which each breaks; how fast a file is stored
report             tables of docs/capacity.md, and `python -m capacity`
"""
