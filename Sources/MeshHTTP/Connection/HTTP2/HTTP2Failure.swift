// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOHTTP2

/// A peer that was to speak HTTP/2 and does not.
struct HTTP2Refusal: Error, Hashable, CustomStringConvertible {
    let description: String

    /// It closed before it had sent its settings, which come first.
    static let noSettings = HTTP2Refusal(
        description: "the peer closed the connection without an HTTP/2 greeting; it may not speak HTTP/2"
    )
}

/// Why a stream was reset, or a connection ended. NIOCore has another type of the same name.
typealias StreamErrorCode = NIOHTTP2.HTTP2ErrorCode

extension StreamErrorCode {
    /// The code's name in RFC 9113 §7, or its number.
    var name: String { knownName ?? "error \(networkCode)" }

    /// The code's name; `nil` for one that the RFC does not know.
    var knownName: String? {
        switch self {
        case .noError: "NO_ERROR"
        case .protocolError: "PROTOCOL_ERROR"
        case .internalError: "INTERNAL_ERROR"
        case .flowControlError: "FLOW_CONTROL_ERROR"
        case .settingsTimeout: "SETTINGS_TIMEOUT"
        case .streamClosed: "STREAM_CLOSED"
        case .frameSizeError: "FRAME_SIZE_ERROR"
        case .refusedStream: "REFUSED_STREAM"
        case .cancel: "CANCEL"
        case .compressionError: "COMPRESSION_ERROR"
        case .connectError: "CONNECT_ERROR"
        case .enhanceYourCalm: "ENHANCE_YOUR_CALM"
        case .inadequateSecurity: "INADEQUATE_SECURITY"
        case .http11Required: "HTTP_1_1_REQUIRED"
        default: nil
        }
    }
}
