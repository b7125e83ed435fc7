// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension EndpointAddress {
    private static let read = ReadFields(
        Envoy_Config_Core_V3_SocketAddress.self,
        "protocol",
        "address",
        "port_value",
        "named_port"
    )

    /// Decodes an address.
    /// - Returns: `nil`, with a problem, if it is none that a connection can be made to.
    init?(_ message: Envoy_Config_Core_V3_Address, at path: FieldPath, _ context: inout DecodingContext) {
        switch message.address {
        case .socketAddress(let socket):
            let path = path["socket_address"]
            context.ignoreOthers(in: socket, at: path, read: Self.read)
            guard socket.protocol == .tcp else {
                context.reject(path["protocol"], "only TCP is supported")
                return nil
            }
            guard !socket.address.isEmpty else {
                context.reject(path["address"], "is empty")
                return nil
            }
            guard case .portValue(let value) = socket.portSpecifier, let port = UInt16(exactly: value), port > 0 else {
                context.reject(path["port_value"], "must be from 1 to 65535")
                return nil
            }
            self.init(host: socket.address, port: port)
        case .pipe(let pipe):
            guard !pipe.path.isEmpty else {
                context.reject(path["pipe"]["path"], "is empty")
                return nil
            }
            self.init(unixSocketPath: pipe.path)
        case .envoyInternalAddress:
            context.reject(path["envoy_internal_address"], "is not supported")
            return nil
        case nil:
            context.reject(path, "is missing")
            return nil
        }
    }
}

extension Envoy_Config_Core_V3_Address {
    /// Encodes an address.
    init(_ address: EndpointAddress) {
        self.init()
        if let port = address.port {
            socketAddress.address = address.host
            socketAddress.portValue = UInt32(port)
        } else {
            pipe.path = address.host
        }
    }
}
