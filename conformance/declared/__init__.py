"""What the templates declare, against what each service's own API says: a second opinion on CloudFormation.

deployed.py    the declared resources of the deployed stacks, with properties as CloudFormation sends them
comparing.py   the differences between declared and seen properties; how services write equal values
readers.py     resource type -> reader, and the types and properties that no service returns
<service>.py   the readers: they return what the service says in CloudFormation's property names
"""
