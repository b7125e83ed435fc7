// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshSecurity
package import NIOCore
import NIOSSL
import X509

extension WorkloadIdentity {
    /// Somebody whose certificate was verified.
    package struct Caller: Sendable {
        /// Whom the certificate names.
        package var identity: SPIFFEID
        /// The certificate's number in hexadecimal digits.
        package var serialNumber: String
    }

    /// Who the caller on a connection has proved to be, if it would be believed now, too.
    /// - Parameter connection: The connection itself, not a stream on it.
    package func provenCaller(of connection: any Channel) async -> Caller? {
        guard let identity = await provenIdentity(of: connection) else { return nil }
        let certificate = try? await connection.eventLoop.submit {
            try connection.pipeline.syncOperations.handler(type: NIOSSLHandler.self).peerCertificate
        }.get()
        guard let certificate = certificate ?? nil, let parsed = try? PeerVerifier.parsed(certificate) else {
            return nil
        }
        let digits = parsed.serialNumber.bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        return Caller(identity: identity, serialNumber: digits.joined())
    }
}
