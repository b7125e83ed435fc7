// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ServiceMesh
import Synchronization

/// What is known of services' health, and who watches it.
///
/// A watcher holds one status at most that it has not told yet: of several changes in a row it tells the last.
final class HealthBook: ConfigurationListener {
    private struct Watcher {
        var service: String
        var last: ServingStatus
        var sink: AsyncStream<ServingStatus>.Continuation
    }

    private struct State {
        var statuses: [String: ServingStatus]
        var watchers: [UInt64: Watcher] = [:]
        var nextWatcher: UInt64 = 0
    }

    private let isReady: @Sendable () -> Bool
    private let state: Mutex<State>

    /// - Parameter isReady: Whether the server as a whole may serve.
    init(_ services: [String], isReady: @escaping @Sendable () -> Bool) {
        self.isReady = isReady
        let known = Dictionary(([""] + services).map { ($0, ServingStatus.serving) }) { first, _ in first }
        self.state = Mutex(State(statuses: known))
    }

    func set(_ status: ServingStatus, for service: String) {
        state.withLock { $0.statuses[service] = status == .serviceUnknown ? nil : status }
        configurationChanged()
    }

    func status(of service: String) -> ServingStatus? {
        let isReady = isReady()
        return state.withLock { Self.status(of: service, $0, isReady) }
    }

    /// All services, by their names.
    var all: [(name: String, status: ServingStatus)] {
        let isReady = isReady()
        return state.withLock { state in
            state.statuses.keys.sorted().compactMap { name in
                Self.status(of: name, state, isReady).map { (name, $0) }
            }
        }
    }

    /// Somebody watches a service: it is told its status at once, and each other one.
    func watch(_ service: String) -> (id: UInt64, statuses: AsyncStream<ServingStatus>) {
        let isReady = isReady()
        let (statuses, sink) = AsyncStream.makeStream(of: ServingStatus.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextWatcher += 1
            let first = Self.status(of: service, state, isReady) ?? .serviceUnknown
            state.watchers[state.nextWatcher] = Watcher(service: service, last: first, sink: sink)
            sink.yield(first)
            return state.nextWatcher
        }
        return (id, statuses)
    }

    /// Somebody watches no more.
    func end(_ watcher: UInt64) {
        state.withLock { $0.watchers.removeValue(forKey: watcher) }?.sink.finish()
    }

    /// What decides whether the server is ready may have changed.
    func configurationChanged() {
        // Asked again behind: another thread may have told of a later change meanwhile, and must have the last word.
        var told: Bool
        repeat {
            told = isReady()
            state.withLock { Self.tell(&$0, told) }
        } while told != isReady()
    }

    private static func status(of service: String, _ state: State, _ isReady: Bool) -> ServingStatus? {
        guard let status = state.statuses[service] else { return nil }
        return isReady ? status : .notServing
    }

    /// Tells watchers what is new to them. A stream's buffer takes it without running anybody's code.
    private static func tell(_ state: inout State, _ isReady: Bool) {
        for (id, watcher) in state.watchers {
            let status = Self.status(of: watcher.service, state, isReady) ?? .serviceUnknown
            guard status != watcher.last else { continue }
            state.watchers[id]?.last = status
            watcher.sink.yield(status)
        }
    }
}
