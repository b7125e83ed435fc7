// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore
import MeshSecurity
package import NIOCore
import NIOSSL
import NIOTLS

/// Notes why a caller's handshake failed: it stands right behind the TLS handler, which says so to nobody else.
package final class HandshakeWatch: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = NIOAny

    private let knowsVerdicts: Bool
    private let report: (PeerRefusal) -> Void
    private var isOver = false

    /// - Parameters:
    ///   - knowsVerdicts: Whether somebody else tells of certificates that were judged and refused.
    ///   - report: Is told of a refusal, once.
    package init(knowsVerdicts: Bool, report: @escaping (PeerRefusal) -> Void) {
        self.knowsVerdicts = knowsVerdicts
        self.report = report
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { isOver = true }
        context.fireUserInboundEventTriggered(event)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isOver {
            let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLHandler.self)
            if let refusal = refusal(for: error, certificate: tls?.peerCertificate) {
                isOver = true
                report(refusal)
            }
        }
        context.fireErrorCaught(error)
    }

    private func refusal(for error: any Error, certificate: NIOSSLCertificate?) -> PeerRefusal? {
        func refusal(_ reason: PeerRefusal.Reason, _ message: String) -> PeerRefusal {
            PeerRefusal(role: .client, reason: reason, message: message)
        }
        if let error = error as? PeerNames.NotAccepted { return refusal(error.reason, error.description) }
        let text = String("\(error)".prefix(1000))
        if text.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") {
            return refusal(.noCertificate, "the caller showed no certificate")
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") || text.contains("unableToValidateCertificate") {
            guard !knowsVerdicts else { return nil }
            guard let certificate, let parsed = try? ParsedCertificate(certificate) else {
                return refusal(.untrusted, "no chain leads to a root, or one that breaks a rule")
            }
            return refusal(parsed.likelyReason, "the certificate of \(parsed.title): \(parsed.likelyReason.rawValue)")
        }
        // In TLS 1.3 the library asks what the key is for, before it shows the certificate to anybody.
        if text.contains("KEY_USAGE_BIT_INCORRECT") {
            return refusal(.untrusted, "the key of the caller's certificate is not for signing handshakes")
        }
        // Whoever leaves without a word has not been refused.
        guard case .handshakeFailed(let failure)? = error as? NIOSSLError else { return nil }
        return failure == .sslError([.eofDuringHandshake]) ? nil : refusal(.handshake, String(text.prefix(300)))
    }
}
