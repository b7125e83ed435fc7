// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import MeshCore

/// Ends RPCs that take too long: those whose caller's deadline has passed, and those that take longer than the server
/// lets them.
///
/// The handler's task is cancelled, calls that it makes through the mesh inherit the deadline, and the caller gets
/// DEADLINE_EXCEEDED when the handler has ended. `MeshServerTransport` and `MeshServerInterceptor` heed callers' deadlines
/// by themselves.
public struct DeadlineInterceptor: ServerInterceptor {
    private let maximum: Nanoseconds?
    private let clock: any MeshClock

    /// Creates an interceptor.
    /// - Parameters:
    ///   - maximum: How long an RPC may take, whatever its caller says. Default `nil`: as long as the caller lets it.
    ///   - clock: The clock that time is measured by.
    public init(maximum: Nanoseconds? = nil, clock: any MeshClock = SystemClock()) {
        self.maximum = maximum
        self.clock = clock
    }

    /// Runs the RPC within its time.
    /// - Throws: `RPCError` with code `deadlineExceeded`; what the handler throws.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let asked = request.metadata[stringValues: "grpc-timeout"].first { _ in true }
            .flatMap(TimeoutHeaders.grpcTimeout)
        let time = min(asked ?? .forever, maximum ?? .forever)
        guard time != .forever else { return try await next(request, context) }
        let deadline = Deadline(time, after: clock.now)
        var inbound = InboundContext.current ?? InboundContext(trace: .none)
        inbound.deadline = min(inbound.deadline, deadline)
        let scope = ServerScope(inbound: inbound, deadline: deadline, clock: clock)
        return try await withoutActuallyEscaping(next) { next in
            try await ServerInterception { _ in }.around({ try await next(request, context) }, scope: scope)
        }
    }
}
