"""What a client may send and will get: schemas, routes and error codes.

The one source for the API Gateway models and resources, the handlers' own
validation, the OpenAPI document and the tests' generators.
"""
