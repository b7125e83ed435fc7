// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Tells the peer how much time is left, in the header fields that its policy names.
///
/// It stands inside the attempt's deadline, so that a peer hears the earlier of both. A request without a deadline
/// passes untouched and costs nothing; one with a deadline costs the text of a number.
public struct DeadlineHeaderLayer<Base: Transport, Source: PolicySource<DeadlineHeaders>>: Transport
where Base.Request: RequestHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source
    @usableFromInline let clock: any MeshClock

    /// Creates the layer.
    public init(_ base: Base, source: Source, clock: any MeshClock) {
        self.base = base
        self.source = source
        self.clock = clock
    }

    /// Sends with the time that is left.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let deadline = context.headDeadline
        guard !deadline.isNever, let headers = source.policy(for: context), !headers.isEmpty else {
            return try await base.send(request, context: &context)
        }
        var request = request
        headers.write(deadline, at: clock.now, to: &request)
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
