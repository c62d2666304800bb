"""Operate a platform that is deployed: logs, queues, imports, smoke tests, status. Each package has its `command`."""
