# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Fields of Envoy's API that are younger than the newest xds-protos, as the descriptors in Envoy's own binary have them.

Both scripts that read official descriptors add them. A field that xds-protos has by now must go from here.
"""

import sys

from google.protobuf import descriptor_pb2

Field = descriptor_pb2.FieldDescriptorProto

# By message: name, number and message type. Seen in Envoy 1.40.0.
NEWER = {
    ("envoy.extensions.transport_sockets.http_11_proxy.v3", "Http11ProxyUpstreamTransport"): [
        ("default_proxy_address", 2, ".envoy.config.core.v3.Address"),
    ],
}


def add_newer_fields(files):
    """Adds them to the files that declare their messages."""
    for file in files:
        for message in file.message_type:
            for name, number, type_name in NEWER.get((file.package, message.name), ()):
                if any(field.name == name for field in message.field):
                    sys.exit(f"newer_fields.py: xds-protos has {message.name}.{name} by now: remove it here")
                message.field.add(
                    name=name,
                    number=number,
                    type_name=type_name,
                    type=Field.TYPE_MESSAGE,
                    label=Field.LABEL_OPTIONAL,
                )
    return files
