// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension Envoy_Service_Auth_V3_CheckRequest {
    /// Encodes what the service is told of a request.
    init(_ question: AuthorizationQuestion) {
        self.init()
        let peer = question.peer
        if let address = peer.source {
            attributes.source.address.socketAddress.address = "\(address)"
            attributes.source.address.socketAddress.portValue = UInt32(peer.sourcePort ?? 0)
        }
        attributes.source.principal = peer.identity ?? ""
        if let address = peer.destination {
            attributes.destination.address.socketAddress.address = "\(address)"
            attributes.destination.address.socketAddress.portValue = UInt32(peer.destinationPort ?? 0)
        }
        attributes.request.time = Google_Protobuf_Timestamp(
            seconds: Int64(question.time.rawValue / 1_000_000_000),
            nanos: Int32(question.time.rawValue % 1_000_000_000)
        )
        attributes.request.http.id = question.headers["x-request-id"] ?? ""
        attributes.request.http.method = question.method
        attributes.request.http.headers = question.headers
        attributes.request.http.path = question.path
        attributes.request.http.host = question.authority
        attributes.request.http.scheme = question.scheme
        attributes.request.http.size = question.bodyLength.map(Int64.init) ?? -1
        attributes.contextExtensions = question.contextExtensions
        attributes.metadataContext.filterMetadata = question.metadata.mapValues { fields in
            var message = Google_Protobuf_Struct()
            message.fields = fields.mapValues { Google_Protobuf_Value($0) }
            return message
        }
    }
}

extension Google_Protobuf_Value {
    /// Encodes a value of JSON.
    fileprivate init(_ value: MetadataValue) {
        self.init()
        switch value {
        case .null: nullValue = .nullValue
        case .boolean(let value): boolValue = value
        case .number(let value): numberValue = value
        case .text(let value): stringValue = value
        case .list(let values): listValue.values = values.map { Self($0) }
        case .fields(let fields): structValue.fields = fields.mapValues { Self($0) }
        }
    }
}
