// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// A resource as the clients of one dialect get it: encoded once, shared by all streams, its version a hash of its
/// bytes.
final class EncodedResource: Sendable {
    /// Its name.
    let name: String
    /// XXH64 of the bytes: the same in every process and after every restart, so that clients that come back keep what
    /// they have. Resources are not chosen by an enemy, for whom hashes of 64 bits would be too short.
    let version: UInt64
    /// What goes onto the wire; empty if only the version is known.
    let message: Google_Protobuf_Any
    /// What it was made of; `nil` if that is not known.
    let source: XDSResource?

    init(name: String, packed: PackedResource, source: XDSResource? = nil) {
        self.name = name
        self.version = packed.bytes.withUnsafeBytes { XXH64.hash(bytes: $0) }
        self.message = Google_Protobuf_Any(typeName: packed.typeName, bytes: packed.bytes)
        self.source = source
    }

    /// What a client says that it has: a version of it, no bytes. A version that no resource of ours has is 0.
    init(name: String, clientVersion: String) {
        self.name = name
        self.version = UInt64(clientVersion, radix: 16) ?? 0
        self.message = Google_Protobuf_Any()
        self.source = nil
    }

    /// The version as text, in hexadecimal digits.
    var versionText: String { String(version, radix: 16) }
}

extension EncodedResource: Hashable {
    static func == (one: EncodedResource, other: EncodedResource) -> Bool {
        one === other || (one.version == other.version && one.name == other.name)
    }

    func hash(into hasher: inout Hasher) { hasher.combine(version) }
}

/// All resources of one kind, by name and in the order of their names.
struct EncodedTable: Sendable {
    /// The resources by their names.
    let byName: [String: EncodedResource]
    /// The resources in order: sorted once, for all streams that send everything.
    let sorted: [EncodedResource]

    init(_ resources: [String: EncodedResource] = [:]) {
        byName = resources
        sorted = resources.values.sorted { $0.name < $1.name }
    }
}
