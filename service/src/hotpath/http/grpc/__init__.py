"""The Open Inference Protocol, version 2, over gRPC: the same service as below /v2, by another transport.

Imported only where server.grpc_port is set: grpcio is an extra that an environment may be without.
"""
