// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// What an issuer says of itself (OpenID Connect Discovery 1.0, §4): of it, where its keys are.
struct DiscoveryDocument {
    /// Where the key set is.
    let keySetURI: String

    /// Why a text is no such document.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    init(_ text: [UInt8]) throws(Malformed) {
        guard let fields = JSONValueReader.object(text), case .text(let uri) = fields["jwks_uri"],
            uri.utf8.starts(with: "http://".utf8) || uri.utf8.starts(with: "https://".utf8)
        else { throw Malformed(description: "the discovery document has no jwks_uri of http or https") }
        keySetURI = uri
    }
}
