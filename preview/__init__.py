"""A deployed environment's CloudWatch dashboard, with the metrics of a local run, as one HTML page.

`shapes` are the types; `widgets` reads the dashboard's body, `series` gets the data, `drawing` and `page` show it.
Only what the dashboard has is drawn (generator/dashboard): another kind of widget shows its title and says so.
"""
