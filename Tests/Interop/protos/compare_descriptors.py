#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Compares our trimmed .proto files with the official descriptors.

Ours may have less than the official API, never anything else: every file, message, field, enumeration value and
service method that we declare has to be there under the same name and number and of the same type, or bytes would be
read as something that their sender did not mean.

    pip install -r requirements.txt
    compare_descriptors.py               compare; exit 1 and list the differences if there are any
    compare_descriptors.py --self-test   spoil a copy in memory, one property at a time: each has to be noticed

Needs protoc; PROTOC=<program> names another one.
"""

import collections
import importlib
import importlib.metadata
import os
import pathlib
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

PROTOS = pathlib.Path(__file__).resolve().parents[3] / "Sources" / "MeshXDS" / "Protos"
sys.path.insert(0, str(PROTOS))
from newer_fields import add_newer_fields  # noqa: E402

SOURCES = {"xds-protos": ("envoy/", "udpa/", "xds/"), "googleapis-common-protos": ("google/rpc/status",)}
# Not in any Python package: checked by talking to Istio's own certificate authority, or not at all.
UNCOMPARED = ("istio/v1/auth.proto", "spiffe/workload.proto")

Field = descriptor_pb2.FieldDescriptorProto


def our_files():
    names = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch) / "set"
        protoc = os.environ.get("PROTOC", "protoc")
        subprocess.run([protoc, f"--proto_path={PROTOS}", f"--descriptor_set_out={output}", *names], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file
    return [file for file in files if file.name not in UNCOMPARED]


def official_files():
    files = []
    for package, roots in SOURCES.items():
        for path in importlib.metadata.files(package):
            if str(path).startswith(roots) and path.name.endswith("_pb2.py"):
                module = importlib.import_module(".".join(path.with_suffix("").parts))
                files.append(descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb))
    return add_newer_fields(files)


class Index:
    """Everything that files declare, by full name."""

    def __init__(self, files):
        self.file_of = {}
        self.messages = {}
        self.enums = {}
        self.services = {}
        for file in files:
            for message in file.message_type:
                self._add_message(file, file.package, message)
            for enum in file.enum_type:
                self._add(self.enums, file, f"{file.package}.{enum.name}", enum)
            for service in file.service:
                self._add(self.services, file, f"{file.package}.{service.name}", service)

    def _add(self, table, file, name, declaration):
        table[name] = declaration
        self.file_of[name] = file.name

    def _add_message(self, file, prefix, message):
        name = f"{prefix}.{message.name}"
        self._add(self.messages, file, name, message)
        for nested in message.nested_type:
            self._add_message(file, name, nested)
        for enum in message.enum_type:
            self._add(self.enums, file, f"{name}.{enum.name}", enum)


def describe(message, field):
    """What the wire and the generated code depend on."""
    oneof = None
    if field.HasField("oneof_index") and not field.proto3_optional:
        oneof = message.oneof_decl[field.oneof_index].name
    return {
        "number": field.number,
        "type": Field.Type.Name(field.type),
        "type_name": field.type_name,
        "label": Field.Label.Name(field.label),
        "oneof": oneof,
        "proto3_optional": field.proto3_optional,
        # Said only where it differs from proto3's default.
        "packed": field.options.packed if field.options.HasField("packed") else None,
    }


def compare(ours, official):
    """The differences, and how much was compared."""
    differences = []
    counts = collections.Counter()
    ours, official = Index(ours), Index(official)

    for kind in ("messages", "enums", "services"):
        for name, declaration in getattr(ours, kind).items():
            other = getattr(official, kind).get(name)
            if other is None:
                differences.append(f"{name}: not among the official {kind}")
                continue
            counts[kind] += 1
            if ours.file_of[name] != official.file_of[name]:
                differences.append(f"{name}: in {ours.file_of[name]}, officially in {official.file_of[name]}")
            {"messages": compare_message, "enums": compare_enum, "services": compare_service}[kind](
                name, declaration, other, differences, counts
            )
    return differences, counts


def compare_message(name, message, official, differences, counts):
    if message.options.map_entry != official.options.map_entry:
        differences.append(f"{name}: a map's entry in one of the two only")
    theirs = {field.name: field for field in official.field}
    counts["official fields"] += len(theirs)
    for field in message.field:
        counts["fields"] += 1
        if field.name not in theirs:
            numbered = [other.name for other in official.field if other.number == field.number]
            hint = f"; number {field.number} is {numbered[0]}" if numbered else ""
            differences.append(f"{name}.{field.name}: no such field officially{hint}")
            continue
        ours, other = describe(message, field), describe(official, theirs[field.name])
        for key in ours:
            if ours[key] != other[key]:
                differences.append(f"{name}.{field.name}: {key} is {ours[key]}, officially {other[key]}")


def compare_enum(name, enum, official, differences, counts):
    theirs = {value.name: value.number for value in official.value}
    for value in enum.value:
        counts["enum values"] += 1
        if theirs.get(value.name) != value.number:
            differences.append(f"{name}.{value.name}: {value.number}, officially {theirs.get(value.name, 'absent')}")


def compare_service(name, service, official, differences, counts):
    theirs = {method.name: method for method in official.method}
    for method in service.method:
        counts["methods"] += 1
        other = theirs.get(method.name)
        if other is None:
            differences.append(f"{name}.{method.name}: no such method officially")
            continue
        for key in ("input_type", "output_type", "client_streaming", "server_streaming"):
            if getattr(method, key) != getattr(other, key):
                differences.append(
                    f"{name}.{method.name}: {key} is {getattr(method, key)}, officially {getattr(other, key)}"
                )


# The self-test's mutations: each takes a copy of our files and spoils one thing in it.


def message_named(files, name):
    return Index(files).messages[name]


def field_named(files, message, field):
    return next(candidate for candidate in message_named(files, message).field if candidate.name == field)


def spoil_number(files):
    field_named(files, "envoy.config.route.v3.RouteAction", "timeout").number = 9


def spoil_name(files):
    field_named(files, "envoy.config.cluster.v3.Cluster", "lb_policy").name = "lb_polity"


def spoil_type(files):
    field_named(files, "google.rpc.Status", "code").type = Field.TYPE_INT64


def spoil_type_name(files):
    field = field_named(files, "envoy.config.route.v3.Route", "match")
    field.type_name = ".envoy.config.route.v3.RouteAction"


def spoil_label(files):
    field_named(files, "envoy.config.route.v3.VirtualHost", "domains").label = Field.LABEL_OPTIONAL


def spoil_oneof(files):
    field_named(files, "envoy.config.route.v3.RouteMatch", "prefix").ClearField("oneof_index")


def spoil_oneof_name(files):
    message_named(files, "envoy.config.core.v3.Address").oneof_decl[0].name = "addresses"


def spoil_map(files):
    # Whether a map's value is text or bytes is said in a nested message that no one writes by hand.
    entry = message_named(files, "envoy.service.discovery.v3.DeltaDiscoveryRequest.InitialResourceVersionsEntry")
    entry.field[1].type = Field.TYPE_BYTES


def spoil_enum_value(files):
    Index(files).enums["envoy.config.core.v3.HealthStatus"].value[2].number = 7


def spoil_enum_value_name(files):
    Index(files).enums["envoy.config.cluster.v3.Cluster.LbPolicy"].value[1].name = "LEAST_REQUESTS"


def spoil_message_name(files):
    message_named(files, "envoy.config.listener.v3.FilterChain").name = "FilterChains"


def spoil_package(files):
    next(file for file in files if file.name.endswith("ads.proto")).package = "envoy.service.discovery.v2"


def spoil_file_name(files):
    next(file for file in files if file.name.endswith("route_components.proto")).name = "route_parts.proto"


def spoil_streaming(files):
    service = Index(files).services["envoy.service.discovery.v3.AggregatedDiscoveryService"]
    service.method[0].client_streaming = False


def spoil_method_name(files):
    Index(files).services["envoy.service.discovery.v3.AggregatedDiscoveryService"].method[1].name = "Delta"


MUTATIONS = [value for name, value in list(globals().items()) if name.startswith("spoil_")]


def self_test(ours, official):
    unnoticed = []
    for mutation in MUTATIONS:
        copies = [descriptor_pb2.FileDescriptorProto.FromString(file.SerializeToString()) for file in ours]
        mutation(copies)
        differences, _ = compare(copies, official)
        print(f"{mutation.__name__}: {differences[0] if differences else 'NOT NOTICED'}")
        if not differences:
            unnoticed.append(mutation.__name__)
    if unnoticed:
        sys.exit(f"self-test failed: {', '.join(unnoticed)}")
    print(f"self-test passed: {len(MUTATIONS)} mutations, all noticed")


def main():
    if sys.argv[1:] not in ([], ["--self-test"]):
        sys.exit("usage: compare_descriptors.py [--self-test]")
    ours, official = our_files(), official_files()
    differences, counts = compare(ours, official)
    for difference in differences:
        print(difference)
    print(
        f"compared {counts['messages']} messages, {counts['fields']} fields (of {counts['official fields']}), "
        f"{counts['enums']} enums, {counts['enum values']} enum values, "
        f"{counts['services']} services, {counts['methods']} methods in {len(ours)} files "
        f"with xds-protos {importlib.metadata.version('xds-protos')}"
    )
    print(f"not compared, because no Python package has them: {', '.join(UNCOMPARED)}")
    if differences:
        sys.exit(f"{len(differences)} differences")
    if sys.argv[1:]:
        self_test(ours, official)


main()
