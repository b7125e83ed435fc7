// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

internal import SwiftProtobuf

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A resource as it stands on the wire: `google.protobuf.Any` as a value that hashes and compares by its bytes.
package struct PackedResource: Hashable, Sendable {
    /// What the bytes are.
    package var typeURL: String
    /// The message.
    package var bytes: [UInt8]

    /// Creates a packed resource from its parts.
    package init(typeURL: String, bytes: [UInt8]) {
        self.typeURL = typeURL
        self.bytes = bytes
    }

    /// Copies an `Any`.
    init(_ any: Google_Protobuf_Any) {
        self.init(typeURL: any.typeURL, bytes: [UInt8](any.value))
    }

    /// The full name of the message's type.
    var typeName: String { MeshXDS.typeName(ofTypeURL: typeURL) }
}

extension Google_Protobuf_Any {
    /// Packs a message; equal messages give equal bytes.
    ///
    /// `Any(message:)` would serialize later and in the order of the maps' hashes, which differs from run to run.
    init(packing message: some Message) throws {
        self.init()
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        typeURL = "type.googleapis.com/" + type(of: message).protoMessageName
        value = try message.serializedBytes(options: options)
    }

    /// Packs bytes of a message of that name.
    init(typeName: String, bytes: [UInt8]) {
        self.init()
        typeURL = "type.googleapis.com/" + typeName
        value = Data(bytes)
    }

    /// The message's bytes.
    var bytes: [UInt8] { [UInt8](value) }

    /// Whether nothing was packed.
    var isEmpty: Bool { typeURL.isEmpty && value.isEmpty }
}
