// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import NIOSSL

extension ClientOptions {
    /// TLS by the files that the command line names; `nil` without a certificate authority.
    func clientTLS() throws -> ClientTLS? {
        guard let ca else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file(ca)
        if let certificate, let key {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        configuration.applicationProtocols =
            switch http {
            case .http1: ["http/1.1"]
            case .http2: ["h2"]
            case .automatic: ["h2", "http/1.1"]
            }
        let context = try NIOSSLContext(configuration: configuration)
        let serverName = serverName
        return ClientTLS { _ in try NIOSSLClientHandler(context: context, serverHostname: serverName) }
    }
}
