// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Synchronization

/// Drives the machine: facts in, requests and configurations out.
///
/// An actor, so that configurations reach the sink in the order in which the machine made them; the machine stands in a
/// lock of its own, so that operators can look at it without waiting.
actor ADSSession {
    /// A stream that is open.
    struct Stream: Sendable {
        let id: ADSServer.StreamID
        /// Says that there may be requests to send.
        let signals: AsyncStream<Void>
        fileprivate let bell: AsyncStream<Void>.Continuation

        /// Nothing more will be sent.
        func end() { bell.finish() }
    }

    private nonisolated let machine: Mutex<ADSSessionStateMachine>
    /// The machine as it was before it heard of anything.
    private nonisolated let untold: ADSSessionStateMachine
    private nonisolated let keeper: LastKnownGoodKeeper?
    private nonisolated let source: String
    /// What the servers of each list are called.
    private nonisolated let serverNames: [[String]]
    private nonisolated let clock: any MeshClock
    /// Who waits for something to send.
    private var bells: [ADSServer.StreamID: AsyncStream<Void>.Continuation] = [:]
    private var wantedServers: AsyncStream<[Int]>.Continuation?
    private var census = ResourceCensus()

    init(
        _ machine: ADSSessionStateMachine,
        source: String,
        serverNames: [[String]] = [],
        clock: any MeshClock,
        keeper: LastKnownGoodKeeper? = nil
    ) {
        untold = machine
        var machine = machine
        machine.awaitsKept = keeper != nil
        self.machine = Mutex(machine)
        self.keeper = keeper
        self.source = source
        self.serverNames = serverNames
        self.clock = clock
    }

    /// What is known of every resource.
    nonisolated var status: [XDSResourceStatus] {
        let (machine, now) = (machine.withLock { $0 }, clock.now)
        return machine.status(at: now, servers: serverNames)
    }

    /// Whether a control plane has brought a configuration.
    nonisolated var isPublished: Bool { machine.withLock { $0.published } != nil }

    /// The fields of the configuration in force that have no effect, as the control planes of a list are told of them.
    nonisolated func ignoredFields(of list: Int) -> [String] { machine.withLock { $0.ignoredFields(of: list) } }

    /// How many of the servers of each list are to have a stream, from the first on: now, and each time that changes.
    func serverCounts() -> AsyncStream<[Int]> {
        let (counts, continuation) = AsyncStream.makeStream(of: [Int].self, bufferingPolicy: .bufferingNewest(1))
        wantedServers = continuation
        continuation.yield(machine.withLock { $0.serverCounts })
        return counts
    }

    /// A stream is open.
    /// - Returns: `nil` if it is not wanted any more.
    func streamOpened(to server: Int, of list: Int) -> Stream? {
        guard let id = machine.withLock({ $0.streamOpened(to: server, of: list, at: clock.now) }) else { return nil }
        let (signals, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        bells[id] = bell
        bell.yield()
        return Stream(id: id, signals: signals, bell: bell)
    }

    /// A stream has ended, or was not to be had.
    /// - Parameter isFailure: Whether it ended in a way that its responses do not make good.
    /// - Returns: Whether it brought a response.
    func streamEnded(
        _ id: ADSServer.StreamID?,
        to server: Int,
        of list: Int,
        isFailure: Bool,
        _ sink: ConfigSink
    ) -> Bool {
        let hadResponse = machine.withLock {
            $0.streamEnded(id, to: server, of: list, isFailure: isFailure, at: clock.now)
        }
        if let id { bells.removeValue(forKey: id)?.finish() }
        // Who waited for it may go on without it.
        timePassed(sink)
        return hadResponse
    }

    /// What is to be sent on a stream now; it counts as sent.
    nonisolated func nextRequests(on stream: Stream) -> [ADSRequest] {
        machine.withLock { $0.nextRequests(on: stream.id, at: clock.now) }
    }

    /// Whether the server of a stream has kept silent for too long, and nobody was told yet.
    nonisolated func takeSilence(on stream: Stream) -> Bool {
        machine.withLock { $0.takeSilence(on: stream.id) }
    }

    /// A response has been received.
    /// - Returns: What its resources count as; `nil` if it is of no kind that there is.
    func responseReceived(_ response: ADSResponse?, on stream: Stream, _ sink: ConfigSink) -> ControlPlaneEvent? {
        guard let response else { return nil }
        let (action, endpoints) = machine.withLock { machine in
            (machine.responseReceived(response, on: stream.id, at: clock.now), machine.changedEndpoints)
        }
        if let refusal = action.refusal {
            let error = ConfigurationError(path: response.kind.rawValue, refusal)
            sink.notice(.configurationRejected(source: source, error: error))
        }
        perform(action, changing: endpoints, sink)
        return .received(type: response.kind.rawValue, valid: action.valid, invalid: action.invalid)
    }

    /// Tells the machine when its waits are over, until the task is cancelled.
    nonisolated func keepTime(_ sink: ConfigSink) async throws {
        await tellStrays(sink)
        while true {
            // A wait that begins during this sleep is no shorter than it, and so ends after it: none is overslept.
            let latest = clock.now.advanced(by: ADSSessionStateMachine.doesNotExistTimeout)
            let deadline = machine.withLock { $0.nextDeadline } ?? latest
            try await clock.sleep(until: min(deadline, latest))
            await timePassed(sink)
        }
    }

    /// The control planes are not followed any more.
    func ended(_ sink: ConfigSink) {
        census.end { sink.notice(.resourcesCounted(source: source, $0)) }
    }

    /// Puts what an earlier process kept in force, if no control plane answers for long.
    nonisolated func restore(_ sink: ConfigSink) async {
        guard let keeper else { return }
        let untold = untold
        await keeper.restore(sink) { entries throws(ConfigurationError) in
            let resources = try untold.configuration(of: entries)
            self.machine.withLock { $0.keptRead(entries) }
            return resources
        } apply: { resources, age in
            await self.apply(restored: resources, age: age, sink)
        }
        // There is none, or none that can be used.
        machine.withLock { if $0.awaitsKept { $0.keptRead([]) } }
    }

    private func apply(restored resources: MeshResources, age: Nanoseconds, _ sink: ConfigSink) {
        // The control plane may have been faster by a hair.
        guard machine.withLock({ $0.published }) == nil else { return }
        guard (try? sink.apply(resources)) != nil else { return }
        sink.notice(.lastKnownGood(source: source, .inForce(age: age)))
    }

    private func timePassed(_ sink: ConfigSink) {
        perform(machine.withLock { $0.timePassed(at: clock.now) }, changing: nil, sink)
    }

    /// - Parameter endpoints: The endpoint assignments that alone are others in what is published; `nil` if more may be.
    private func perform(
        _ action: ADSSessionStateMachine.Action,
        changing endpoints: Set<String>?,
        _ sink: ConfigSink
    ) {
        ring()
        tellStrays(sink)
        census.count(machine, at: clock.now) { sink.notice(.resourcesCounted(source: source, $0)) }
        guard let resources = action.publication else { return }
        do {
            if let endpoints {
                try sink.apply(resources, changingEndpoints: endpoints)
            } else {
                try sink.apply(resources)
            }
            guard let keeper else { return }
            // A part is no good start for the next process: what is on the disk has more.
            keeper.configurationReceived(action.isPartial ? nil : machine.withLock { $0.snapshotEntries })
        } catch {
            // The sink has told its observers. The decoder checks what the sink checks, so that this is a defect of ours;
            // the last good configuration stays in force.
        }
    }

    /// Tells of names that belong to no control plane.
    private func tellStrays(_ sink: ConfigSink) {
        let strays = machine.withLock { $0.takeStrays() }
        guard !strays.isEmpty else { return }
        sink.notice(.configurationRejected(source: source, error: ConfigurationError(strays)))
    }

    /// Something has happened: there may be requests to send, and other servers to follow.
    private func ring() {
        for bell in bells.values { bell.yield() }
        wantedServers?.yield(machine.withLock { $0.serverCounts })
    }
}
