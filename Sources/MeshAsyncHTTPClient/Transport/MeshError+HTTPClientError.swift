// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import MeshCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension MeshError {
    /// What an error of AsyncHTTPClient's means to the mesh.
    ///
    /// | AsyncHTTPClient | code | request |
    /// |---|---|---|
    /// | no connection: refused, unreachable, unknown, timed out, TLS, proxy | `connectionFailed` | `notSent` |
    /// | `getConnectionFromPoolTimeout` | `overflow` | `notSent` |
    /// | `invalidURL` and others about the request | `invalidRequest` | `notSent` |
    /// | `readTimeout`, `writeTimeout` | `attemptTimeout` | `maybeSent` |
    /// | `deadlineExceeded` | `deadlineExceeded` | `maybeSent` |
    /// | `cancelled`, `CancellationError` | `cancelled` | `maybeSent` |
    /// | `alreadyShutdown` | `cancelled`, of local origin | `notSent` |
    /// | what cannot be parsed | `protocolViolation` | `maybeSent` |
    /// | `remoteConnectionClosed`, everything else | `connectionClosed` | `maybeSent` |
    ///
    /// A kind of error says `notSent` only if no byte of the request can have left before it, and nothing says
    /// otherwise.
    /// - Parameter isHeadSent: Whether the request's head may have been sent.
    init(_ error: any Error, isHeadSent: Bool) {
        if let error = error as? MeshError {
            self = error
            return
        }
        let (code, origin, message) = Self.meaning(of: error)
        let isNotSent: Bool =
            switch code {
            case .connectionFailed, .overflow, .invalidRequest: !isHeadSent
            case .cancelled: origin == .local
            default: false
            }
        self.init(
            code,
            origin: origin,
            requestState: isNotSent ? .notSent : .maybeSent,
            message: message,
            cause: error
        )
    }

    private static func meaning(of error: any Error) -> (Code, Origin, String) {
        switch error {
        case let error as HTTPClientError: meaning(of: error)
        case is CancellationError: (.cancelled, .downstream, "the caller cancelled the request")
        case is NIOConnectionError, is SocketAddressError, is SocketAddressError.UnknownHost:
            (.connectionFailed, .upstream, "no connection could be made")
        case let error as IOError where isConnectionAttempt(error):
            (.connectionFailed, .upstream, "no connection could be made")
        case ChannelError.connectTimeout:
            (.connectionFailed, .upstream, "the connection attempt took too long")
        case HTTPParserError.invalidEOFState:
            (.connectionClosed, .upstream, "the connection was closed in the middle of the response")
        case is HTTPParserError, is NIOHTTPDecoderError:
            (.protocolViolation, .upstream, "the peer sent what is no HTTP response")
        case NIOSSLError.uncleanShutdown:
            (.connectionClosed, .upstream, "the connection was closed before the response was complete")
        case NIOSSLError.handshakeFailed, is NIOSSLExtraError:
            (.connectionFailed, .upstream, "TLS failed")
        default: (.connectionClosed, .upstream, "the connection failed before the response was complete")
        }
    }

    private static func meaning(of error: HTTPClientError) -> (Code, Origin, String) {
        switch error {
        case .deadlineExceeded: (.deadlineExceeded, .upstream, "the deadline passed before the response")
        case .cancelled, .requestStreamCancelled: (.cancelled, .downstream, "the caller cancelled the request")
        case .alreadyShutdown: (.cancelled, .local, "the transport is shut down")
        case .readTimeout, .writeTimeout: (.attemptTimeout, .upstream, error.shortDescription)
        case .getConnectionFromPoolTimeout: (.overflow, .local, "no connection became free in time")
        case .connectTimeout, .tlsHandshakeTimeout, .socksHandshakeTimeout, .httpProxyHandshakeTimeout,
            .invalidProxyResponse, .proxyAuthenticationRequired, .invalidLocalAddress:
            (.connectionFailed, .upstream, error.shortDescription)
        case .invalidURL, .emptyHost, .missingSocketPath, .emptyScheme, .traceRequestWithBody, .bodyLengthMismatch,
            .writeAfterRequestSent, .contentLengthMissing, .identityCodingIncorrectlyPresent:
            (.invalidRequest, .downstream, error.shortDescription)
        default: meaning(byDescription: error)
        }
    }

    /// Those that carry a value cannot be told apart but by their description, which has no values in it.
    private static func meaning(byDescription error: HTTPClientError) -> (Code, Origin, String) {
        let description = error.shortDescription
        return switch description {
        case HTTPClientError.unsupportedScheme("").shortDescription,
            HTTPClientError.invalidHeaderFieldNames([]).shortDescription,
            HTTPClientError.invalidHeaderFieldValues([]).shortDescription:
            (.invalidRequest, .downstream, description)
        case HTTPClientError.serverOfferedUnsupportedApplicationProtocol("").shortDescription:
            (.connectionFailed, .upstream, description)
        default: (.connectionClosed, .upstream, description)
        }
    }

    /// Whether a socket says this when it is not connected.
    private static func isConnectionAttempt(_ error: IOError) -> Bool {
        switch error.errnoCode {
        case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, ENOENT, EACCES, EMFILE, ENFILE: true
        default: false
        }
    }
}
