"""The contract with clients: fields, schemas, routes and error codes.

The API Gateway models and resources, the handlers' validation, the OpenAPI document and the tests' generators follow from
it.
"""

# Of the contract and of the project: setup.cfg, the documents, events and `deploy.py --version` have it from here.
# docs/versioning.md says when it changes.
VERSION = "1.0.0"
