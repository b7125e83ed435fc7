// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides which streams a connection of HTTP/2 may open, and when it ends.
///
/// ```
///   greeting ──SETTINGS──▶ open ──GOAWAY, age, condemned, streams used up──▶ draining ──last stream──▶ closed
/// ```
struct HTTP2ConnectionStateMachine: Equatable {
    private enum Phase: Equatable {
        case greeting, open, draining, closed
    }

    /// What the peer's settings mean.
    enum SettingsAction: Equatable {
        case none
        /// The connection can carry so many streams at once, from now on.
        case ready(capacity: Int)
        /// It can carry another number than before.
        case capacityChanged(Int)
    }

    /// What follows from a reason to take no more requests.
    enum DrainAction: Equatable {
        /// It was draining already, or is closed.
        case none
        /// The owner is to be told; the connection closes with its last stream.
        case announce
        /// The owner is to be told, and the connection to be closed: it has no stream.
        case close
    }

    /// What follows from the end of a stream.
    enum StreamEndAction: Equatable {
        /// The owner gets its place back.
        case release
        /// So it does, and it was the last one of a connection that takes no more.
        case close
        /// The connection is gone already.
        case none
    }

    private var phase = Phase.greeting
    private var nextStream: Int32 = 1
    private(set) var openStreams = 0
    private var capacity = 0
    private var requestsLeft: UInt32
    private let limit: UInt32

    /// - Parameters:
    ///   - limit: The most streams at once that this side wants.
    ///   - maximumRequests: The most streams at all; 0 for any number.
    init(limit: UInt32, maximumRequests: UInt32) {
        self.limit = max(1, limit)
        self.requestsLeft = maximumRequests == 0 ? .max : maximumRequests
    }

    var isReady: Bool { phase == .open || phase == .draining }
    var isClosed: Bool { phase == .closed }
    var isDraining: Bool { phase == .draining }
    /// Whether the connection may carry no more requests because of their number.
    var isUsedUp: Bool { requestsLeft == 0 || nextStream < 0 }

    /// The peer sent its settings.
    /// - Parameter maximumConcurrentStreams: What it says of streams at once; `nil` for nothing, which means any number.
    mutating func settingsReceived(maximumConcurrentStreams: UInt32?) -> SettingsAction {
        switch phase {
        case .greeting:
            phase = .open
            capacity = Int(min(limit, maximumConcurrentStreams ?? .max))
            return .ready(capacity: capacity)
        case .open:
            guard let maximumConcurrentStreams else { return .none }
            let changed = Int(min(limit, maximumConcurrentStreams))
            guard changed != capacity else { return .none }
            capacity = changed
            return .capacityChanged(changed)
        case .draining, .closed: return .none
        }
    }

    /// A request wants a stream.
    /// - Returns: The stream's number; `nil` if the connection takes no more.
    mutating func streamStarted() -> Int32? {
        guard phase == .open, !isUsedUp else { return nil }
        let stream = nextStream
        // After 2^31 - 1 it becomes negative, which ends the connection's use (RFC 9113 §5.1.1).
        nextStream &+= 2
        openStreams += 1
        requestsLeft -= 1
        return stream
    }

    mutating func streamEnded() -> StreamEndAction {
        openStreams -= 1
        switch phase {
        case .greeting, .closed: return .none
        case .draining: return openStreams == 0 ? .close : .release
        case .open: return .release
        }
    }

    /// No more requests.
    mutating func drained() -> DrainAction {
        switch phase {
        case .greeting, .closed, .draining: return .none
        case .open:
            phase = .draining
            return openStreams == 0 ? .close : .announce
        }
    }

    mutating func closed() {
        phase = .closed
    }
}
