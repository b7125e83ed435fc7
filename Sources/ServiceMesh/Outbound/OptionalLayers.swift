// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Layers that a request passes only if its route has something for one of them; a branch for all others.
///
/// A class, because it holds what is below twice: as a value it would be copied, whole, by every call that passes it.
public final class OptionalLayers<Plain: Transport, Guarded: Transport, Need: LayerNeed>: Transport
where Guarded.Request == Plain.Request, Guarded.Response == Plain.Response {
    @usableFromInline let plain: Plain
    @usableFromInline let guarded: Guarded

    /// Creates the fork.
    /// - Parameters:
    ///   - plain: What is below the layers.
    ///   - guarded: The layers around it.
    public init(_ plain: Plain, guarded: Guarded) {
        self.plain = plain
        self.guarded = guarded
    }

    /// Sends through the layers, or past them.
    @inlinable
    public func send(_ request: Plain.Request, context: inout CallContext) async throws -> Plain.Response {
        guard Need.isMet(by: context) else { return try await plain.send(request, context: &context) }
        return try await guarded.send(request, context: &context)
    }

    /// Ends the exchange where it went through: the context carries the same route.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        if Need.isMet(by: context) { guarded.finish(&context, ending) } else { plain.finish(&context, ending) }
    }
}

/// Says which requests need some layers.
public protocol LayerNeed: Sendable {
    /// Whether a request does; the same from the moment its route was selected until its end.
    static func isMet(by context: borrowing CallContext) -> Bool
}

/// The needs of the outbound stack's layers, as the selected route and cluster say.
public enum SelectionNeeds {
    /// A fallback or load shedding.
    public enum Request: LayerNeed {
        /// Whether the route has one of them.
        @inlinable
        public static func isMet(by context: borrowing CallContext) -> Bool {
            context.selection?.needsRequestLayers ?? false
        }
    }

    /// Admission control.
    public enum Admission: LayerNeed {
        /// Whether the route or the cluster has it.
        @inlinable
        public static func isMet(by context: borrowing CallContext) -> Bool {
            context.selection?.admissionControl != nil
        }
    }

    /// Hedging, an adaptive limit, a bulkhead or a breaker over the whole.
    public enum Attempt: LayerNeed {
        /// Whether the route or the cluster has one of them.
        @inlinable
        public static func isMet(by context: borrowing CallContext) -> Bool {
            context.selection?.needsAttemptLayers ?? false
        }
    }
}
