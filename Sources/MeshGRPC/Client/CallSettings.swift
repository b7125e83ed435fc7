// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshCore

/// What is said of one call before it begins.
struct CallSettings: Sendable {
    let path: String
    let authority: String
    /// The protocol's own fields.
    let fields: HTTPFields
    /// When nobody waits for the answer any more.
    let deadline: Deadline
    let waitsForReady: Bool
    let maximumRequestMessageBytes: Int
    let maximumResponseMessageBytes: Int
    let metadataLimits: MetadataLimits
    /// What unfolds the response's messages.
    let coders: MessageCoders
    /// Whether the request has one message, for which it pays to wait.
    let hasSingleRequest: Bool
    /// Whether the caller makes further attempts by itself, as calls of their own.
    let isRetriedByCaller: Bool
    let configurationTimeout: Nanoseconds
    let readinessBackoff: ReadinessBackoff
}

/// The fields of every call of a transport.
struct CallFields: Sendable {
    private let value: HTTPFields

    init(_ userAgent: String?, acceptedEncodings: String) {
        var fields = HTTPFields()
        fields[.contentType] = "application/grpc"
        fields[.te] = "trailers"
        fields[.grpcAcceptEncoding] = acceptedEncodings
        let own = "grpc-swift-service-mesh"
        fields[.userAgent] = userAgent.map { "\($0) \(own)" } ?? own
        value = fields
    }

    /// The fields of a call whose messages are compressed that way.
    func sending(_ encoding: MessageEncoding?) -> HTTPFields {
        guard let encoding else { return value }
        var fields = value
        fields[.grpcEncoding] = encoding.rawValue
        return fields
    }
}
