// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// What an issuer says of itself (OpenID Connect Discovery 1.0, §4): of it, where its keys are.
struct DiscoveryDocument {
    /// Where the key set is.
    let keySetURI: String

    /// - Returns: `nil` for what is no such document: a key set, say.
    init?(_ text: [UInt8]) {
        guard text.count <= JSONWebKeySet.maximumBytes, let fields = JSONValueReader.object(text),
            fields["keys"] == nil, case .text(let uri) = fields["jwks_uri"],
            uri.utf8.starts(with: "http://".utf8) || uri.utf8.starts(with: "https://".utf8)
        else { return nil }
        keySetURI = uri
    }
}
