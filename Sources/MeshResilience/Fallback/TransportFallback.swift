// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What answers requests that failed: another transport (another cluster, say), or a closure. The policy of a
/// `FallbackLayer`.
public final class TransportFallback<Request: Sendable, Response: Sendable>: Sendable {
    let alternative: any Transport<Request, Response>
    let handlesError: @Sendable (any Error) -> Bool
    @usableFromInline let handlesStatus: @Sendable (Int) -> Bool
    @usableFromInline let isEnabled: Bool
    let gate: FallbackGate

    /// The bound.
    public var configuration: FallbackConfiguration { gate.configuration }
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public var name: String { gate.name }
    /// How many fallbacks are under way.
    public var running: Int { gate.running }

    /// Creates a fallback.
    /// - Parameters:
    ///   - alternative: What answers. It gets the request and the context as they are when the first answer failed; the
    ///     deadline is the request's, so that a shorter one for the first leaves time for it.
    ///   - handlesError: Which errors it answers for; by default every error.
    ///   - handlesStatus: Which responses it answers in place of; by default none.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public init(
        _ configuration: FallbackConfiguration = FallbackConfiguration(),
        to alternative: any Transport<Request, Response>,
        handlesError: @escaping @Sendable (any Error) -> Bool = { _ in true },
        handlesStatus: @escaping @Sendable (Int) -> Bool = { _ in false },
        name: String = "",
        observers: ObserverSet = .none
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.alternative = alternative
        self.isEnabled = configuration.mode != .disabled
        self.handlesError = handlesError
        self.handlesStatus = handlesStatus
        self.gate = FallbackGate(configuration, name: name, observers: observers)
    }

    /// Whether an answer that may be replaced is.
    @usableFromInline
    func begins() -> Bool {
        // A caller that gave up wants no other answer than the one in hand.
        guard !Task.isCancelled else { return false }
        guard configuration.mode == .enforce else {
            gate.tell(.fellBack, because: .failure)
            return false
        }
        // With too many under way the answer that is there is better than none.
        return gate.enter()
    }

    /// Answers a request whose first answer failed.
    @usableFromInline
    func send(_ request: Request, context: inout CallContext) async throws -> Response {
        defer { gate.leave() }
        context.requestState = .notSent
        let response = try await alternative.send(request, context: &context)
        StandIn.note(self, in: &context)
        return response
    }
}
