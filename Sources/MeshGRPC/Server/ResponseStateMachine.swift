// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How far the response of an RPC has come.
///
/// ```
/// idle ──metadata──▶ open ──status──▶ ended
///   └─────────────status─────────────▲
/// ```
struct ResponseStateMachine: Equatable {
    /// What to do with a part.
    enum Action: Equatable {
        /// Write the head, with this part's fields.
        case writeHead
        /// Write the message.
        case writeMessage
        /// End the body with trailers.
        case writeTrailers
        /// Write a head that is all of the response (`Trailers-Only`).
        case writeOnly
        /// It is out of order: refuse it.
        case refuse
    }

    private enum State: Equatable {
        case idle, open, ended
    }

    private var state = State.idle

    /// Whether the status was written.
    var isEnded: Bool { state == .ended }

    mutating func metadata() -> Action {
        guard state == .idle else { return .refuse }
        state = .open
        return .writeHead
    }

    /// - Returns: A message before any metadata is refused, as grpc-swift never writes one.
    func message() -> Action {
        state == .open ? .writeMessage : .refuse
    }

    mutating func status() -> Action {
        defer { state = .ended }
        switch state {
        case .idle: return .writeOnly
        case .open: return .writeTrailers
        case .ended: return .refuse
        }
    }
}
