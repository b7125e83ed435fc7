// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Synchronization

@testable import MeshXDS

/// A control plane that serves what a test sets, and keeps what it is told.
final class ScriptedProvider: XDSResourceProvider {
    private struct State {
        var resources: ProvidedResources
        var continuations: [AsyncStream<Void>.Continuation] = []
    }

    private let state: Mutex<State>
    let events: AsyncStream<XDSServerEvent>
    private let eventSink: AsyncStream<XDSServerEvent>.Continuation

    init(_ resources: MeshResources, version: String = "1", isWarming: Bool = false) {
        state = Mutex(
            State(resources: ProvidedResources(resources: resources, version: version, isWarming: isWarming))
        )
        (events, eventSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(10_000))
    }

    func resources(for node: XDSNode) async -> ProvidedResources {
        state.withLock { $0.resources }
    }

    func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.continuations.append(continuation) }
        return stream
    }

    func noticed(_ event: XDSServerEvent) {
        eventSink.yield(event)
    }

    func set(_ resources: MeshResources, version: String, isWarming: Bool = false) {
        let continuations = state.withLock { state in
            state.resources = ProvidedResources(resources: resources, version: version, isWarming: isWarming)
            return state.continuations
        }
        for continuation in continuations { continuation.yield() }
    }
}

/// Configurations as they reach a mesh.
final class RecordingSink: Sendable {
    private let configurations: AsyncStream<MeshResources>
    private let events: AsyncStream<String>
    /// What happened to control planes and how many resources there are, apart from `event`.
    let censuses: AsyncStream<MeshEvent>
    let sink: ConfigSink

    init() {
        let (configurations, configurationSink) = AsyncStream.makeStream(of: MeshResources.self)
        let (events, eventSink) = AsyncStream.makeStream(of: String.self)
        let (censuses, censusSink) = AsyncStream.makeStream(of: MeshEvent.self)
        self.censuses = censuses
        self.configurations = configurations
        self.events = events
        let generation = Mutex<UInt64>(0)
        sink = ConfigSink(
            apply: { resources throws(ConfigurationError) in
                try resources.validate()
                configurationSink.yield(resources)
                return generation.withLock { generation in
                    generation += 1
                    return generation
                }
            },
            notice: { event in
                switch event {
                case .sourceConnection(_, let isConnected, _): eventSink.yield(isConnected ? "connected" : "lost")
                case .configurationRejected(_, let error): eventSink.yield("rejected: \(error)")
                case .controlPlane, .resourcesCounted: censusSink.yield(event)
                default: eventSink.yield("\(event)")
                }
            }
        )
    }

    /// The next configuration.
    func configuration() async -> MeshResources? {
        for await configuration in configurations { return configuration }
        return nil
    }

    /// The next event.
    func event() async -> String? {
        for await event in events { return event }
        return nil
    }
}
