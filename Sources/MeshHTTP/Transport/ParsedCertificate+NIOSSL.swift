// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import NIOSSL

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ParsedCertificate {
    /// The certificate that the TLS library holds.
    /// - Throws: `Malformed`; what the TLS library throws.
    init(_ certificate: NIOSSLCertificate) throws {
        try self.init(der: certificate.toDERBytes())
    }

    /// The time, in the seconds that certificates count.
    static var now: Int64 { Int64(Date().timeIntervalSince1970) }

    /// What people call it.
    var title: String {
        let name = uris.first ?? dnsNames.first ?? (subject.isEmpty ? "serial number \(serialNumber)" : subject)
        return String(name.prefix(200))
    }

    /// Why the TLS library, which does not say so, has most likely refused it.
    var likelyReason: PeerRefusal.Reason {
        let now = Self.now
        if validUntil < now || now < validFrom { return .expired }
        if issuerBytes == subjectBytes { return .selfSigned }
        return isAuthority ? .authority : .untrusted
    }
}
