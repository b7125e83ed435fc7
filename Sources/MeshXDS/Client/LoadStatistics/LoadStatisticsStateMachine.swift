// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// When which control plane is told of requests, over streams of their own beside those for resources (gRFC A27).
///
/// ```
/// idle ──attemptBegan──▶ asking ──wishReceived──▶ reporting ──▶ a report each interval
///   ▲                      │                          │
///   └──────────────────────┴───────streamEnded────────┘
/// ```
/// What happened is told once: to the first of the servers that has said what it wants to know.
struct LoadStatisticsStateMachine: Sendable {
    /// One stream to a server, among all that there ever were to it.
    struct Stream: Hashable {
        let server: Int
        fileprivate let number: Int
    }

    /// What became of a stream.
    struct Ending: Hashable {
        /// When the next one may be opened.
        var nextAttempt: MeshInstant
        /// How many streams in a row have ended without a word of the server, with this one; 0 if it had said
        /// something.
        var failuresInRow: Int
    }

    fileprivate enum State {
        case idle
        case asking(since: MeshInstant)
        case reporting(LoadStatisticsWish, next: MeshInstant, since: MeshInstant)
    }

    fileprivate struct Server {
        var state = State.idle
        /// The last stream's.
        var number = 0
        var backoff: ReconnectBackoff
        var nextAttempt = MeshInstant(nanoseconds: 0)
        var failuresInRow = 0
    }

    private var servers: [Server]

    init(servers count: Int, backoff: ReconnectBackoff) {
        servers = Array(repeating: Server(backoff: backoff), count: count)
    }

    /// From when on a stream to a server may be opened.
    func nextAttempt(at server: Int) -> MeshInstant {
        servers[server].nextAttempt
    }

    /// A stream is being opened; one before it that is still winding up counts no longer.
    mutating func attemptBegan(at server: Int, at now: MeshInstant) -> Stream {
        servers[server].state = .asking(since: now)
        servers[server].number += 1
        return Stream(server: server, number: servers[server].number)
    }

    /// A server has said what it wants to know.
    /// - Returns: Whether that is new. The first report is due an interval later; a wish that is repeated changes
    ///   nothing.
    mutating func wishReceived(_ wish: LoadStatisticsWish, on stream: Stream, at now: MeshInstant) -> Bool {
        let server = stream.server
        switch state(of: stream) {
        case .idle: return false
        case .asking(let since):
            servers[server].failuresInRow = 0
            servers[server].state = .reporting(wish, next: now.advanced(by: wish.interval), since: since)
            return true
        case .reporting(let last, _, let since):
            guard wish != last else { return false }
            servers[server].state = .reporting(wish, next: now.advanced(by: wish.interval), since: since)
            return true
        }
    }

    /// When a server is to be told next; `nil` if it has not said what.
    func nextReport(on stream: Stream) -> MeshInstant? {
        guard case .reporting(_, let next, _) = state(of: stream) else { return nil }
        return next
    }

    /// What a server is to be told now: the clusters that it wants to know of. The next report is due an interval
    /// later.
    /// - Returns: `nil` if nothing is due, or if a server before it is told.
    mutating func timePassed(on stream: Stream, at now: MeshInstant) -> LoadStatisticsWish? {
        guard case .reporting(let wish, let next, let since) = state(of: stream), now >= next else { return nil }
        let server = stream.server
        servers[server].state = .reporting(wish, next: now.advanced(by: wish.interval), since: since)
        return servers[..<server].contains(where: \.isReporting) ? nil : wish
    }

    /// A stream has ended, or was not to be had (gRFC A57's back-off).
    /// - Parameter random: From 0 to 1.
    /// - Returns: `nil` if another one was opened meanwhile.
    mutating func streamEnded(_ stream: Stream, at now: MeshInstant, random: Double) -> Ending? {
        let server = stream.server
        guard servers[server].number == stream.number else { return nil }
        let (hadWish, since) =
            switch servers[server].state {
            case .idle: (false, now)
            case .asking(let since): (false, since)
            case .reporting(_, _, let since): (true, since)
            }
        let lasted = now.elapsed(since: since)
        let wait = servers[server].backoff.streamEnded(hadResponse: hadWish, lasted: lasted, random: random)
        servers[server].state = .idle
        servers[server].nextAttempt = now.advanced(by: wait)
        servers[server].failuresInRow = hadWish ? 0 : servers[server].failuresInRow + 1
        return Ending(nextAttempt: servers[server].nextAttempt, failuresInRow: servers[server].failuresInRow)
    }

    /// A stream was given up here: the server is not to blame.
    mutating func streamGivenUp(_ stream: Stream) {
        guard servers[stream.server].number == stream.number else { return }
        servers[stream.server].state = .idle
    }

    private func state(of stream: Stream) -> State {
        servers[stream.server].number == stream.number ? servers[stream.server].state : .idle
    }
}

extension LoadStatisticsStateMachine.Server {
    fileprivate var isReporting: Bool {
        if case .reporting = state { true } else { false }
    }
}
