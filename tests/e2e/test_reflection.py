"""The public gRPC port: reflection names the services, forwarding keeps the API as it is."""

import unittest

import grpc

from harness import Api, Stack, gateway_authority

REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def field(number, payload):
    return bytes([number << 3 | 2, len(payload)]) + payload


class ReflectionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.api = Api()
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)

    def setUp(self):
        credentials = grpc.ssl_channel_credentials(gateway_authority(self.stack))
        self.channel = grpc.secure_channel(
            self.stack.address("gateway_grpc"), credentials,
            [("grpc.ssl_target_name_override", "localhost")])
        self.addCleanup(self.channel.close)

    def reflect(self, request):
        call = self.channel.stream_stream(REFLECTION, lambda m: m, lambda b: b)
        return next(call(iter([request]), timeout=10))

    def test_lists_the_public_services_and_no_internal_one(self):
        answer = self.reflect(field(7, b""))
        for service in self.api.services():
            self.assertIn(service.encode(), answer)
        self.assertNotIn(b"Internal", answer)

    def test_describes_a_service(self):
        answer = self.reflect(field(4, b"peerwatt.market.v1.Market"))
        self.assertIn(b"CreateOrder", answer)

    def unary(self, method, request, token=None):
        service, _, name = method.rpartition("/")
        descriptor = self.api.services()[service].methods_by_name[name]
        answer = self.api.factory.GetPrototype(descriptor.output_type)
        call = self.channel.unary_unary(f"/{method}", lambda m: m.SerializeToString(),
                                        answer.FromString)
        metadata = [("authorization", f"Bearer {token}")] if token else []
        return call(request, metadata=metadata, timeout=10)

    def test_the_same_api_over_grpc(self):
        request = self.api.message("peerwatt.registry.v1.ListCommunitiesRequest")()
        with self.assertRaises(grpc.RpcError) as caught:
            self.unary("peerwatt.registry.v1.Registry/ListCommunities", request)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
        self.unary("peerwatt.registry.v1.Registry/ListCommunities", request, self.stack.admin())

    def test_internal_services_are_not_there(self):
        call = self.channel.unary_unary("/peerwatt.registry.v1.RegistryInternal/ListCommunityRules",
                                        lambda m: m, lambda b: b)
        with self.assertRaises(grpc.RpcError) as caught:
            call(b"", metadata=[("authorization", f"Bearer {self.stack.admin()}")], timeout=10)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)


if __name__ == "__main__":
    unittest.main(verbosity=2)
