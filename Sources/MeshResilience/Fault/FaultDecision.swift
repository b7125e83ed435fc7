// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The faults that one request gets.
public struct FaultDecision: Hashable, Sendable {
    /// How long it is held back.
    public var delay: Nanoseconds?
    /// The status that it is aborted with.
    public var abort: Int?

    /// Whether the request is left alone.
    @inlinable
    public var isEmpty: Bool { delay == nil && abort == nil }

    /// Draws the faults of a request: first for the delay, then for the abort, independently, as Envoy does.
    @inlinable
    public init(_ configuration: FaultConfiguration, for request: some RequestHead, using random: MeshRandom) {
        self.delay = nil
        self.abort = nil
        guard configuration.headers.allSatisfy({ $0.matches(request) }) else { return }
        if let delay = configuration.delay, delay.percentage.contains(random.next()) { self.delay = delay.duration }
        if let abort = configuration.abort, abort.percentage.contains(random.next()) { self.abort = abort.status }
    }

    /// Holds the request back, then aborts it, as decided.
    /// - Throws: `MeshError` with code `faultInjected` for an abort, or `deadlineExceeded` when the caller's deadline passes
    ///   during the delay; `CancellationError`.
    public func take(_ context: inout CallContext, clock: any MeshClock) async throws {
        if let delay {
            context.isDelayInjected = true
            let end = clock.now.advanced(by: delay)
            // The caller's deadline goes on running while its request is held back.
            try await clock.sleep(until: min(end, context.deadline.instant))
            if context.deadline.instant < end {
                throw MeshError(
                    .deadlineExceeded,
                    origin: .local,
                    message: "the deadline passed during an injected delay of \(delay.duration)"
                )
            }
        }
        if let abort {
            throw MeshError(
                .faultInjected,
                origin: .local,
                message: "the request was aborted by fault injection",
                localReply: LocalReply(status: abort, body: "fault filter abort")
            )
        }
    }
}
