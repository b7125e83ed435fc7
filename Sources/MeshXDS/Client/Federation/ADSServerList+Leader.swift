// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Whom to go by, and whom to ask besides.
extension ADSServerList {
    /// The place of the server to go by; `nil` if there is no stream.
    var leadingPosition: Int? { leader.flatMap { id in server(of: id) } }

    private var leadingServer: ADSServer? { leadingPosition.map { servers[$0] } }

    /// Whether the server to go by is one that would say what does not exist.
    var isSlow: Bool { leadingServer?.traits.timerIsTransient == true }
    /// How long a name is waited for.
    var timeout: Nanoseconds {
        isSlow ? ADSSessionStateMachine.slowServerTimeout : ADSSessionStateMachine.doesNotExistTimeout
    }

    /// Whether the server to go by has been asked for a kind, and for all that is wanted of it now.
    func isRequestedFromLeader(_ kind: ResourceKind) -> Bool {
        guard let stream = leadingServer?.stream else { return false }
        return stream.isRequested(kind) && !stream.isOwed(kind)
    }

    /// A server has told something that is in use: those behind it have nothing to say any more.
    mutating func goBy(_ server: Int, at now: MeshInstant) {
        servers[server].stream?.hadResource = true
        reachedServers = server + 1
        for other in servers.indices.dropFirst(reachedServers) {
            servers[other].stream = nil
            servers[other].isUnreachable = false
        }
        settleLeader(at: now)
    }

    /// The servers that were asked while something is lacking and have not answered at all, and until when they may.
    ///
    /// A stream that is open says little: bytes may come so slowly that no response is ever whole. The kinds' own waits do
    /// not end it, because nobody knows the names of the listeners that do not come.
    var silences: [(server: Int, end: MeshInstant)] {
        guard lacksSomething else { return [] }
        return servers.indices.prefix(reachedServers).compactMap { server in
            guard let stream = servers[server].stream, !stream.hadResponse, !stream.isSilent else { return nil }
            let isSlow = servers[server].traits.timerIsTransient
            let timeout =
                isSlow ? ADSSessionStateMachine.slowServerTimeout : ADSSessionStateMachine.doesNotExistTimeout
            return stream.askedAt.map { (server, $0.advanced(by: timeout)) }
        }
    }

    /// Finds out who has kept silent for too long. Such a server counts as one that cannot be reached; its stream stays, and
    /// whatever comes on it counts.
    mutating func noticeSilence(at now: MeshInstant) {
        let silent = silences.filter { $0.end <= now }.map(\.server)
        guard !silent.isEmpty else { return }
        for server in silent {
            servers[server].stream?.isSilent = true
            servers[server].stream?.hasUntoldSilence = true
            servers[server].isUnreachable = true
        }
        let before = reachedServers
        considerFallback(at: now)
        // Who is asked next has the time that the others had.
        guard reachedServers > before else { return }
        restartWaits(at: now)
    }

    /// Asks the next server, if nobody who is asked can be reached and something is lacking.
    mutating func considerFallback(at now: MeshInstant) {
        guard isFollowed, servers.prefix(reachedServers).allSatisfy(\.isUnreachable) else { return }
        guard reachedServers < servers.count else {
            outOfReachSince = outOfReachSince ?? now
            return
        }
        guard lacksSomething else { return }
        servers[reachedServers].isUnreachable = false
        reachedServers += 1
    }

    /// Finds out whom to go by: the first who told something on the stream that is open, or else the first who is asked and
    /// not silent.
    mutating func settleLeader(at now: MeshInstant) {
        let streams = servers.compactMap(\.stream)
        let next = (streams.first(where: \.hadResource) ?? streams.first { !$0.isSilent } ?? streams.first)?.id
        guard next != leader else { return }
        leader = next
        restartWaits(at: now)
    }

    private mutating func restartWaits(at now: MeshInstant) {
        for kind in ADSSessionStateMachine.order {
            subscriptions[kind]?.streamEnded()
            if isRequestedFromLeader(kind) { subscriptions[kind]?.requestSent(at: now) }
        }
    }
}
