// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHTTP1
import NIOSSL

/// What an error of a channel means to the exchange on it.
struct ChannelFailure {
    var code: MeshError.Code
    var message: String

    /// - Parameters:
    ///   - error: The error; `nil` if the peer just closed the connection.
    ///   - isFirstUse: Whether the peer never answered on this connection.
    ///   - isSecured: Whether the connection is TLS.
    init(_ error: (any Error)?, isFirstUse: Bool, isSecured: Bool) {
        switch error {
        case HTTPParserError.invalidEOFState?:
            self.init(.connectionClosed, "the connection was closed in the middle of the response")
        case is HTTPParserError:
            self.init(.protocolViolation, "the peer sent what is no HTTP response")
        case is ByteToMessageDecoderError.PayloadTooLargeError:
            self.init(.protocolViolation, "the peer sent a status line that does not end")
        case is NIOHTTPDecoderError:
            self.init(.protocolViolation, "the peer sent a response without a request")
        case NIOSSLError.uncleanShutdown?:
            self.init(.connectionClosed, "the connection was closed before the response was complete")
        case is NIOSSLError, is BoringSSLError:
            // With TLS 1.3 a server judges the client's certificate after the client's handshake is over.
            self.init(.connectionFailed, "TLS failed; the peer may have refused this client's certificate")
        default:
            let hint = isFirstUse && isSecured ? "; the peer may have refused this client's certificate" : ""
            self.init(.connectionClosed, "the connection was closed before the response was complete\(hint)")
        }
    }

    /// Whether the peer broke the protocol, and did not just close in the middle.
    static func isViolation(_ error: any Error) -> Bool {
        switch error {
        case HTTPParserError.invalidEOFState: false
        case is HTTPParserError, is NIOHTTPDecoderError, is ByteToMessageDecoderError.PayloadTooLargeError: true
        default: false
        }
    }

    private init(_ code: MeshError.Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
