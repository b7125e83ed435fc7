// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The files by which a proxy proves who it is, and by which it judges its peers.
struct ProxyIdentity {
    /// The certificate with its key.
    var certificate: String
    var roots: String

    /// Mutual TLS in HAProxy's words, which are the same for the side that accepts and the side that dials.
    ///
    /// The cipher is the one that BoringSSL agrees on with itself, so that both sides of the comparison encrypt alike.
    var haproxyOptions: String {
        """
        ssl crt "\(certificate)" ca-file "\(roots)" verify required alpn http/1.1 \
        ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256
        """
    }
}
