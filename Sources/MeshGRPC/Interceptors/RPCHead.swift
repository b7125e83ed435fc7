// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore

/// What an interceptor knows of an RPC, as the mesh reads requests: a `POST` to the method's path.
///
/// Binary metadata is hidden, as gRPC's routing and authorization have it (gRFC A28, A41).
struct RPCHead: RequestHead, FieldListing {
    var metadata: Metadata
    private let isSecured: Bool
    var path: String
    var authority: String?

    init(_ metadata: Metadata, method: MethodDescriptor, authority: String?, isSecured: Bool) {
        self.metadata = metadata
        self.isSecured = isSecured
        self.path = "/\(method.fullyQualifiedMethod)"
        self.authority = authority
    }

    var method: String { "POST" }
    var scheme: String? { isSecured ? "https" : "http" }
    var isReplayable: Bool { false }

    var listedFields: [(name: String, value: String)] {
        [("content-type", Self.contentType)]
            + metadata.compactMap { key, value in
                guard case .string(let text) = value else { return nil }
                return (key.lowercased(), text)
            }
    }

    private static let contentType = "application/grpc"

    func value(of name: HeaderName) -> String? {
        let values = values(of: name)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    func values(of name: HeaderName) -> [String] {
        if name == "content-type" { return [Self.contentType] }
        return Array(metadata[stringValues: name.lowercased])
    }

    mutating func setValue(_ value: String, for name: HeaderName) {
        metadata.replaceOrAddString(value, forKey: name.lowercased)
    }

    mutating func appendValue(_ value: String, for name: HeaderName) {
        metadata.addString(value, forKey: name.lowercased)
    }

    mutating func removeValues(of name: HeaderName) {
        metadata.removeAllValues(forKey: name.lowercased)
    }
}
