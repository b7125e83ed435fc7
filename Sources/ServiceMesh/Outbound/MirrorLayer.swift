// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshRouting

/// Sends copies of requests where the route says so, and leaves their answers aside.
///
/// The caller waits for none of it: a copy runs in a task of its own, within bounds of its own, and a copy for which there
/// is no room is not sent. Inside the rate limits and outside the retries: what is refused is not copied, and a request is
/// copied once, as it leaves.
public struct MirrorLayer<Base: Transport, Copies: Transport>: Transport
where Base.Request: RequestHead, Copies.Request == Base.Request {
    @usableFromInline let base: Base
    @usableFromInline let copies: Copies
    @usableFromInline let mesh: Mesh

    /// - Parameters:
    ///   - base: What the request itself passes.
    ///   - copies: What a copy passes: one attempt, without retries.
    @usableFromInline
    init(_ base: Base, copies: Copies, mesh: Mesh) {
        self.base = base
        self.copies = copies
        self.mesh = mesh
    }

    /// Sends the copies on their way, and the request.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        for copy in mesh.copies(of: request, context) { send(copy.request, by: copy.selection, context) }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange of the request; those of the copies end by themselves.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }

    @usableFromInline
    func send(_ request: Base.Request, by selection: RouteSelection, _ original: CallContext) {
        var context = mesh.contextOfCopy(original, selection)
        // Nobody waits for a copy; the gate owns its place until it ends, at its deadline if not before.
        Task { [copies, mesh] in
            defer { mesh.mirrors.end() }
            // What comes of it is in the attempt's record, and nowhere else.
            guard (try? await copies.send(request, context: &context)) != nil else { return }
            copies.finish(&context, .discarded)
        }
    }
}
