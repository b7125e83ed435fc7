// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import Synchronization

/// The transports of endpoints: made when first asked for, closed when they are too many or not needed any more.
final class TransportDirectory<Base: ClientTransport>: Sendable {
    /// What a call holds until it has ended.
    struct Place: Sendable {
        fileprivate var endpoint: EndpointKey
        fileprivate var id: UInt64
    }

    private struct Member {
        var base: Base
        var id: UInt64
        /// Its connections.
        var running: Task<Void, Never>
        var calls = 0
        /// Counts on with every use.
        var lastUse: UInt64
    }

    private struct State {
        /// By what makes them the same: an endpoint that is in another place now, or has other limits, keeps its transport.
        var members: [EndpointKey: Member] = [:]
        /// Those that take no more calls and have some under way.
        var leaving: [UInt64: Member] = [:]
        var uses: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let make: @Sendable (Endpoint) throws -> Base

    init(limit: Int, make: @escaping @Sendable (Endpoint) throws -> Base) {
        self.limit = limit
        self.make = make
    }

    deinit {
        for member in state.withLock({ Array($0.members.values) }) { member.base.beginGracefulShutdown() }
    }

    var count: Int { state.withLock { $0.members.count } }

    /// The transport of an endpoint, held for one call. O(1), but for an endpoint that finds the directory full: O(n).
    /// - Throws: `connectionFailed` if none can be made, `overflow` if there are too many.
    func transport(for endpoint: Endpoint) throws(MeshError) -> (Base, Place) {
        let key = EndpointKey(endpoint)
        let known = try state.withLock { state throws(MeshError) in try Self.use(key, &state) }
        if let known { return known }
        let base: Base
        do {
            base = try make(endpoint)
        } catch {
            let message = "no transport can be made: \(error)"
            throw MeshError(.connectionFailed, origin: .local, message: message, cause: error)
        }
        return try state.withLock { state throws(MeshError) in
            // Somebody else may have made one meanwhile; what was never connected needs no end.
            if let found = try Self.use(key, &state) { return found }
            if state.members.count >= limit { try Self.makeRoom(&state) }
            state.uses += 1
            let id = state.uses
            // The directory owns it, and `shutDown` waits for its end.
            let running = Task { [weak self] in
                // Why it ended, its calls are told; the next one makes another.
                try? await base.connect()
                self?.ended(key, id)
            }
            state.members[key] = Member(base: base, id: id, running: running, calls: 1, lastUse: id)
            return (base, Place(endpoint: key, id: id))
        }
    }

    /// A call has ended.
    func release(_ place: Place) {
        state.withLock { state in
            if state.members[place.endpoint]?.id == place.id {
                state.members[place.endpoint]?.calls -= 1
            }
        }
    }

    /// Closes all of them, and waits until they are.
    func shutDown() async {
        let members = state.withLock { state in
            state.isClosed = true
            defer { state.members = [:] }
            return Array(state.members.values) + state.leaving.values
        }
        for member in members { member.base.beginGracefulShutdown() }
        await withTaskCancellationHandler {
            for member in members { await member.running.value }
        } onCancel: {
            for member in members { member.running.cancel() }
        }
    }

    private static func use(_ endpoint: EndpointKey, _ state: inout State) throws(MeshError) -> (Base, Place)? {
        guard !state.isClosed else {
            throw MeshError(.connectionFailed, origin: .local, message: "the transport is shut down")
        }
        state.uses += 1
        state.members[endpoint]?.lastUse = state.uses
        state.members[endpoint]?.calls += 1
        return state.members[endpoint].map { ($0.base, Place(endpoint: endpoint, id: $0.id)) }
    }

    private static func makeRoom(_ state: inout State) throws(MeshError) {
        let idle = state.members.filter { $0.value.calls == 0 }.min { $0.value.lastUse < $1.value.lastUse }
        guard let idle else {
            throw MeshError(.overflow, origin: .local, message: "every transport of another endpoint is in use")
        }
        state.members[idle.key] = nil
        state.leaving[idle.value.id] = idle.value
        idle.value.base.beginGracefulShutdown()
    }

    private func ended(_ endpoint: EndpointKey, _ id: UInt64) {
        state.withLock { state in
            state.leaving[id] = nil
            if state.members[endpoint]?.id == id { state.members[endpoint] = nil }
        }
    }
}
