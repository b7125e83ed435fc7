# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Fields of Envoy's API that are younger than the newest xds-protos, as the descriptors in Envoy's own binary have them.

Both scripts that read official descriptors add them. What xds-protos has by now must go from here.
"""

import re
import sys

from google.protobuf import descriptor_pb2

Field = descriptor_pb2.FieldDescriptorProto

# By message: the fields, as a .proto file writes them. A message that is not there yet comes with its fields, an
# enumeration with its values. Seen in Envoy 1.40.0.
NEWER = {
    "envoy.config.route.v3.CookieMatcher": [
        "string name = 1",
        "envoy.type.matcher.v3.StringMatcher string_match = 2",
        "bool invert_match = 3",
    ],
    "envoy.config.route.v3.RateLimit": ["envoy.config.route.v3.RateLimit.XRateLimitOption x_ratelimit_option = 7"],
    "envoy.config.route.v3.RateLimit.Action": [
        "oneof action_specifier: envoy.config.route.v3.RateLimit.Action.RemoteAddressMatch remote_address_match = 13",
    ],
    "envoy.config.route.v3.RateLimit.Action.GenericKey": ["string default_value = 3"],
    "envoy.config.route.v3.RateLimit.Action.HeaderValueMatch": ["string default_value = 5"],
    "envoy.config.route.v3.RateLimit.Action.QueryParameterValueMatch": ["string default_value = 5"],
    "envoy.config.route.v3.RateLimit.Action.RemoteAddressMatch": [
        "string descriptor_value = 1",
        "string descriptor_key = 2",
        "string default_value = 3",
        "envoy.type.matcher.v3.AddressMatcher address_matcher = 4",
    ],
    "envoy.config.route.v3.RateLimit.HitsAddend": ["bool is_negative_hits = 3"],
    "envoy.config.route.v3.RateLimit.Override": [
        "oneof override_specifier: envoy.config.route.v3.RateLimit.Override.RateLimitOverride rate_limit = 2",
    ],
    "envoy.config.route.v3.RateLimit.Override.RateLimitOverride": [
        "uint32 requests_per_unit = 1",
        "envoy.type.v3.RateLimitUnit unit = 2",
    ],
    "envoy.config.route.v3.RedirectAction": ["oneof path_rewrite_specifier: string path_rewrite = 10"],
    "envoy.config.route.v3.RetryPolicy": ["bool refresh_cluster_on_retry = 14"],
    "envoy.config.route.v3.Route": ["repeated envoy.config.core.v3.TypedExtensionConfig route_specifiers = 21"],
    "envoy.config.route.v3.RouteConfiguration": [
        "repeated envoy.config.core.v3.TypedExtensionConfig route_specifiers = 19",
    ],
    "envoy.config.route.v3.RouteMatch": ["repeated envoy.config.route.v3.CookieMatcher cookies = 17"],
    "envoy.config.route.v3.VirtualHost": [
        "repeated envoy.config.core.v3.TypedExtensionConfig route_specifiers = 26",
    ],
    "envoy.type.matcher.v3.AddressMatcher": ["bool invert_match = 2"],
    "envoy.extensions.common.ratelimit.v3.LocalRateLimitDescriptor": ["bool shadow_mode = 3"],
    "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor": ["bool is_negative_hits = 4"],
    "envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.RateLimitOverride": [
        "google.protobuf.UInt32Value unit_multiplier = 3",
    ],
    "envoy.extensions.filters.http.fault.v3.FaultAbort": ["string response_body = 6"],
    "envoy.extensions.filters.http.header_mutation.v3.Mutations": [
        "repeated envoy.config.core.v3.TypedExtensionConfig formatters = 6",
    ],
    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit": ["bool enable_retry_after_header = 19"],
    "envoy.extensions.filters.http.ratelimit.v3.RateLimit": [
        "string metadata_namespace = 18",
        "bool enable_retry_after_header = 19",
    ],
    "envoy.extensions.filters.http.stateful_session.v3.StatefulSession": [
        "uint32 status_on_strict_destination_not_found = 4",
    ],
    "envoy.extensions.load_balancing_policies.random_subsetting.v3.RandomSubsetting": [
        "google.protobuf.UInt32Value subset_size = 1",
        "envoy.config.cluster.v3.LoadBalancingPolicy child_policy = 2",
    ],
    "envoy.extensions.transport_sockets.http_11_proxy.v3.Http11ProxyUpstreamTransport": [
        "envoy.config.core.v3.Address default_proxy_address = 2",
    ],
}
# Whole files: those are in the API's repository, and Envoy 1.40 does not implement them.
NEWER_FILES = ("envoy/extensions/load_balancing_policies/random_subsetting/v3/random_subsetting.proto",)
NEWER_ENUMS = {
    "envoy.config.route.v3.RateLimit.XRateLimitOption": ["UNSPECIFIED", "OFF", "DRAFT_VERSION_03"],
}
ENUM_FIELDS = {"envoy.type.v3.RateLimitUnit", *NEWER_ENUMS}

DECLARATION = re.compile(r"(?:oneof (?P<oneof>\w+): )?(?P<repeated>repeated )?(?P<type>[\w.]+) (?P<name>\w+) = (?P<number>\d+)")


def add_newer_fields(files):
    """Adds them to the files that declare their messages."""
    for name in NEWER_FILES:
        if any(file.name == name for file in files):
            sys.exit(f"newer_fields.py: xds-protos has {name} by now: remove it here")
        package = name.rsplit("/", 1)[0].replace("/", ".")
        files.append(descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3"))
    parents = {file.package: file for file in files if file.package in {name.rsplit(".", 1)[0] for name in NEWER}}
    messages = {}
    for file in files:
        for message in file.message_type:
            _collect(f"{file.package}.{message.name}", message, messages)
    _place_files(files, parents)
    for name in sorted(NEWER, key=len):
        if name not in messages:
            messages[name] = _add(name, messages, parents)
    for name, values in NEWER_ENUMS.items():
        parent, own = name.rsplit(".", 1)
        if any(enum.name == own for enum in messages[parent].enum_type):
            sys.exit(f"newer_fields.py: xds-protos has {name} by now: remove it here")
        enum = messages[parent].enum_type.add(name=own)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    for name, declarations in NEWER.items():
        for declaration in declarations:
            _add_field(messages[name], DECLARATION.fullmatch(declaration))
    return files


def _collect(name, message, messages):
    messages[name] = message
    for nested in message.nested_type:
        _collect(f"{name}.{nested.name}", nested, messages)


def _place_files(files, parents):
    """Several files may have one package: the messages of the route table stand in this one."""
    for file in files:
        if file.name == "envoy/config/route/v3/route_components.proto":
            parents[file.package] = file


def _add(name, messages, parents):
    parent, own = name.rsplit(".", 1)
    if parent in messages:
        return messages[parent].nested_type.add(name=own)
    return parents[parent].message_type.add(name=own)


def _add_field(message, declared):
    if any(field.name == declared["name"] for field in message.field):
        sys.exit(f"newer_fields.py: xds-protos has {message.name}.{declared['name']} by now: remove it here")
    field = message.field.add(
        name=declared["name"],
        number=int(declared["number"]),
        label=Field.LABEL_REPEATED if declared["repeated"] else Field.LABEL_OPTIONAL,
    )
    if "." in declared["type"]:
        field.type = Field.TYPE_ENUM if declared["type"] in ENUM_FIELDS else Field.TYPE_MESSAGE
        field.type_name = f".{declared['type']}"
    else:
        field.type = Field.Type.Value(f"TYPE_{declared['type'].upper()}")
    if declared["oneof"]:
        field.oneof_index = [oneof.name for oneof in message.oneof_decl].index(declared["oneof"])
