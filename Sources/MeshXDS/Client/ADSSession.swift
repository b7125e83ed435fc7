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
    private nonisolated let machine: Mutex<ADSSessionStateMachine>
    private nonisolated let hadResponse = Atomic<Bool>(false)
    private nonisolated let source: String
    private nonisolated let clock: any MeshClock

    init(_ machine: consuming ADSSessionStateMachine, source: String, clock: any MeshClock) {
        self.machine = Mutex(machine)
        self.source = source
        self.clock = clock
    }

    /// What is known of every resource.
    nonisolated var status: [XDSResourceStatus] {
        machine.withLock { $0.subscriptions }.flatMap { kind, subscription in subscription.status(of: kind) }
            .sorted { ($0.kind.rawValue, $0.name) < ($1.kind.rawValue, $1.name) }
    }

    /// A stream is open.
    func connected(_ outbox: ADSOutbox, _ sink: ConfigSink) {
        perform(machine.withLock { $0.connected(at: clock.now) }, outbox, sink)
    }

    /// The stream has ended.
    /// - Returns: Whether it brought a response.
    nonisolated func streamEnded() -> Bool {
        machine.withLock { $0.streamEnded() }
        return hadResponse.exchange(false, ordering: .relaxed)
    }

    /// A response has been received.
    func responseReceived(
        _ message: Envoy_Service_Discovery_V3_DiscoveryResponse,
        _ outbox: ADSOutbox,
        _ sink: ConfigSink
    ) {
        hadResponse.store(true, ordering: .relaxed)
        guard let response = ADSSessionStateMachine.Response(message) else { return }
        let action = machine.withLock { $0.responseReceived(response, at: clock.now) }
        // Later requests repeat the refusal; it is news only now.
        if let refusal = action.requests.first(where: { $0.kind == response.kind })?.refusal {
            let error = ConfigurationError(path: response.kind.rawValue, refusal)
            sink.notice(.configurationRejected(source: source, error: error))
        }
        perform(action, outbox, sink)
    }

    /// Tells the machine when its waits are over, until the task is cancelled.
    nonisolated func keepTime(_ outbox: ADSOutbox, _ sink: ConfigSink) async throws {
        while true {
            // A wait that begins during this sleep is as long as it, and so ends after it: none is overslept.
            let timeout = ADSSessionStateMachine.doesNotExistTimeout
            let deadline = machine.withLock { $0.nextDeadline } ?? clock.now.advanced(by: timeout)
            try await clock.sleep(until: deadline)
            await timePassed(outbox, sink)
        }
    }

    private func timePassed(_ outbox: ADSOutbox, _ sink: ConfigSink) {
        perform(machine.withLock { $0.timePassed(at: clock.now) }, outbox, sink)
    }

    private func perform(_ action: ADSSessionStateMachine.Action, _ outbox: ADSOutbox, _ sink: ConfigSink) {
        outbox.put(action.requests)
        guard let resources = action.publication else { return }
        do {
            try sink.apply(resources)
        } catch {
            // The sink has told its observers. The decoder checks what the sink checks, so that this is a defect of ours;
            // the last good configuration stays in force.
        }
    }
}

extension ADSSessionStateMachine.Response {
    /// Reads a response; `nil` if it is of a kind that is never asked for.
    init?(_ message: Envoy_Service_Discovery_V3_DiscoveryResponse) {
        guard let kind = ResourceKind(typeURL: message.typeURL) else { return nil }
        self.init(
            kind: kind,
            version: message.versionInfo,
            nonce: message.nonce,
            resources: message.resources.map { PackedResource($0) },
            absent: message.resourceErrors.filter { $0.errorDetail.code == Self.notFound }.map(\.resourceName.name)
        )
    }

    /// NOT_FOUND of `google.rpc.Code`.
    static let notFound: Int32 = 5
}
