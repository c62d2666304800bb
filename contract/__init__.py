"""The contract with clients: fields, schemas, routes and error codes.

The API Gateway models and resources, the handlers' validation, the OpenAPI document and the tests' generators follow from
it.
"""
