"""CloudFormation from Python: one module per nested stack, rendered to `templates/`.

`functions` lists the Lambda functions, `parameters` the parameters, `outputs` what crosses
a stack boundary; `data`, `compute`, `api`, `monitoring` and `root` each build one template. `alarms` lists the alarms,
`dashboard` the graphs.
"""
