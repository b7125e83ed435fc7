// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Layers that a request passes only if its route has something for one of them; a branch for all others.
///
/// A class, because it holds what is below twice: as a value it would be copied, whole, by every call that passes it.
public final class OptionalLayers<Plain: Transport, Guarded: Transport, Need: LayerNeed>: Transport
where Guarded.Request == Plain.Request, Guarded.Response == Plain.Response {
    @usableFromInline let plain: Plain
    /// Not inlined: it would only make the way of all other requests longer.
    @usableFromInline let guarded: OutOfLine<Guarded>

    /// Creates the fork.
    /// - Parameters:
    ///   - plain: What is below the layers.
    ///   - guarded: The layers around it.
    public init(_ plain: Plain, guarded: Guarded) {
        self.plain = plain
        self.guarded = OutOfLine(guarded)
    }

    /// Sends through the layers, or past them.
    @inlinable
    @inline(__always)
    public func send(_ request: Plain.Request, context: inout CallContext) async throws -> Plain.Response {
        guard Need.isMet(by: context) else { return try await plain.send(request, context: &context) }
        return try await send(request, through: guarded, &context)
    }

    /// Ends the exchange where it went through: the context carries the same route.
    @inlinable
    @inline(__always)
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        if Need.isMet(by: context) { guarded.finish(&context, ending) } else { plain.finish(&context, ending) }
    }

    /// Sends through the layers, which may wait.
    ///
    /// They are a parameter of a type that is not known here, because the compiler makes sure of the caller's executor
    /// after such a call, and not after one to a function that it knows. When it has not done so on one of two ways, it
    /// does it where they meet, and requests pay for it that pass by.
    @inlinable
    @inline(__always)
    func send<Layers: Transport>(
        _ request: Plain.Request,
        through layers: Layers,
        _ context: inout CallContext
    ) async throws -> Plain.Response where Layers.Request == Plain.Request, Layers.Response == Plain.Response {
        context.timePassed()
        let response = try await layers.send(request, context: &context)
        context.timePassed()
        return response
    }
}

/// Says which requests need some layers.
public protocol LayerNeed: Sendable {
    /// Whether a request does; the same from the moment its route was selected until its end.
    static func isMet(by context: borrowing CallContext) -> Bool
}

/// The needs of the outbound stack's layers, as the selected route and cluster say.
public enum SelectionNeeds {
    /// A fallback, a response cache, coalescing or load shedding.
    public enum Request: LayerNeed {
        /// Whether the route has one of them.
        @inlinable
        public static func isMet(by context: borrowing CallContext) -> Bool {
            context.selection?.needsRequestLayers ?? false
        }
    }

    /// Admission control, changes to heads or mirrors.
    public enum Tries: LayerNeed {
        /// Whether the route or the cluster has one of them.
        @inlinable
        public static func isMet(by context: borrowing CallContext) -> Bool {
            context.selection?.needsTryLayers ?? false
        }
    }

    /// Hedging, an adaptive limit, a bulkhead, a breaker over the whole or deadline headers.
    public enum Attempt: LayerNeed {
        /// Whether the route or the cluster has one of them.
        @inlinable
        public static func isMet(by context: borrowing CallContext) -> Bool {
            context.selection?.needsAttemptLayers ?? false
        }
    }
}
