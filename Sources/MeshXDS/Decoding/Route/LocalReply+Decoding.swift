// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension LocalReply {
    /// Decodes a direct response.
    /// - Returns: `nil`, with a problem, if its status is none or its body stands in a file.
    init?(
        _ message: Envoy_Config_Route_V3_DirectResponseAction,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard (200...599).contains(message.status) else {
            context.reject(path["status"], "must be from 200 to 599, is \(message.status)")
            return nil
        }
        self.init(status: Int(message.status))
        switch message.body.specifier {
        case .inlineString(let text): body = text
        case .inlineBytes(let bytes): body = String(decoding: bytes, as: UTF8.self)
        case .filename:
            context.reject(path["body"]["filename"], "is not supported: files are not read")
            return nil
        case .environmentVariable:
            context.reject(path["body"]["environment_variable"], "is not supported: the environment is not read")
            return nil
        case nil: break
        }
    }

    /// Takes the fields that are the reply's own out of those that its route adds to every response: xDS has one list
    /// for both.
    mutating func takeHeaders(of mutations: inout HeaderMutations, as metadata: Envoy_Config_Core_V3_Metadata) {
        let count = ReplyHeaderMetadata.count(in: metadata)
        guard count > 0, count <= mutations.responseAdditions.count else { return }
        for addition in mutations.responseAdditions[..<count] {
            headers.append(Header(addition.name, addition.value.text.replacing("%%", with: "%")))
        }
        mutations.responseAdditions.removeFirst(count)
    }
}

/// How many of the header fields that a route adds to responses are its direct response's own: our own setting, in the
/// route's metadata, since xDS has no field for it.
enum ReplyHeaderMetadata {
    private static let namespace = "swift-service-mesh"
    private static let key = "reply_headers"

    static func count(in metadata: Envoy_Config_Core_V3_Metadata) -> Int {
        Int(exactly: metadata.filterMetadata[namespace]?.fields[key]?.numberValue ?? 0) ?? 0
    }

    static func set(_ count: Int, in metadata: inout Envoy_Config_Core_V3_Metadata) {
        metadata.filterMetadata[namespace, default: Google_Protobuf_Struct()].fields[key] =
            Google_Protobuf_Value(numberValue: Double(count))
    }
}
