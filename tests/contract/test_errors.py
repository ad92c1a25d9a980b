"""Every error of every public RPC carries exactly one ErrorInfo with a reason and our domain."""

import pathlib
import sys
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import Api, Stack, gateway_authority  # noqa: E402


class ErrorContractTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.api = Api()
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        credentials = grpc.ssl_channel_credentials(gateway_authority(cls.stack))
        cls.channel = grpc.secure_channel(
            cls.stack.address("gateway_grpc"), credentials,
            [("grpc.ssl_target_name_override", "localhost")])
        cls.addClassCleanup(cls.channel.close)

    def methods(self):
        for service, descriptor in self.api.services().items():
            for method in descriptor.methods:
                if method.name != "StreamReadings":  # Devices only, on their own port.
                    yield f"{service}/{method.name}", method

    def error_of(self, path, method, request, token):
        answer = self.api.factory.GetPrototype(method.output_type)
        streams = "stream" in str(method.output_type.name).lower() or method.name.startswith("Watch")
        kind = self.channel.unary_stream if streams else self.channel.unary_unary
        call = kind(f"/{path}", lambda m: m.SerializeToString(), answer.FromString)
        metadata = [("authorization", f"Bearer {token}")] if token else []
        try:
            result = call(request, metadata=metadata, timeout=20)
            if streams:
                next(iter(result))
        except grpc.RpcError as error:
            return error
        return None

    def check(self, path, error):
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
        self.assertIsNotNone(details, f"{path}: {error.code()} {error.details()} has no details")
        status = self.api.message("google.rpc.Status")()
        status.ParseFromString(details)
        infos = [d for d in status.details if d.type_url.endswith("/google.rpc.ErrorInfo")]
        self.assertEqual(len(infos), 1, path)
        info = self.api.message("google.rpc.ErrorInfo")()
        info.ParseFromString(infos[0].value)
        self.assertRegex(info.reason, r"^[A-Z][A-Z0-9_]{1,62}$", path)
        self.assertRegex(info.domain, r"^[a-z]+\.peerwatt\.dev$", path)
        self.assertNotEqual(info.reason, "INTERNAL", f"{path}: {error.details()}")
        if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
            bad = [d for d in status.details if d.type_url.endswith("/google.rpc.BadRequest")]
            self.assertEqual(len(bad), 1, f"{path}: {info.reason} names no field")
        return info.reason

    def test_an_empty_request(self):
        refused = 0
        for path, method in self.methods():
            request = self.api.factory.GetPrototype(method.input_type)()
            error = self.error_of(path, method, request, self.admin)
            if error is not None:
                refused += 1
                with self.subTest(path):
                    self.check(path, error)
        # Only lists without a parent and the keys can be had with nothing.
        self.assertGreater(refused, 30)

    def test_a_request_with_a_malformed_name(self):
        for path, method in self.methods():
            request = self.api.factory.GetPrototype(method.input_type)()
            named = [f for f in ("name", "parent") if f in method.input_type.fields_by_name]
            if not named:
                continue
            setattr(request, named[0], "no such/Name")
            with self.subTest(path):
                error = self.error_of(path, method, request, self.admin)
                self.assertIsNotNone(error, path)
                self.check(path, error)

    def test_a_request_without_a_token(self):
        public = set()
        for path, method in self.methods():
            request = self.api.factory.GetPrototype(method.input_type)()
            error = self.error_of(path, method, request, None)
            if error is None or error.code() != grpc.StatusCode.UNAUTHENTICATED:
                public.add(path.rpartition("/")[2])
                continue
            with self.subTest(path):
                self.check(path, error)
        self.assertLessEqual(public, {"CreateUser", "SignIn", "RefreshSession", "GetJwks",
                                      "EnrolDevice"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
