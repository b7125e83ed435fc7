// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience

extension SelectionSources {
    /// What the local rate limit is asked about a request.
    public struct LocalRateLimits: LocalRateLimitQuestionSource {
        let mesh: Mesh

        @usableFromInline
        init(_ mesh: Mesh) {
            self.mesh = mesh
        }

        /// The question of the selected route, for the share of requests that it is asked about.
        public func question(for request: some RequestHead, context: CallContext) -> LocalRateLimitQuestion? {
            context.selection?.filters?.localQuestion(for: request, context, mesh)
        }

        /// Adds the fields that the filter says.
        public func refused(_ reply: inout LocalReply, request: some RequestHead, context: CallContext) {
            context.selection?.filters?.refusedLocally(&reply, request, context, mesh)
        }

        /// Adds the fields that the filter says.
        public func marked(_ request: inout some RequestHead, context: CallContext) {
            context.selection?.filters?.mark(&request, context, mesh)
        }
    }

    /// What the rate limit service is asked about a request.
    public struct GlobalRateLimits: RateLimitQuestionSource {
        let mesh: Mesh

        @usableFromInline
        init(_ mesh: Mesh) {
            self.mesh = mesh
        }

        /// The question of the selected route, for the requests that it is asked about.
        public func question(for request: some RequestHead, context: CallContext) -> RateLimitQuestion? {
            context.selection?.filters?.globalQuestion(for: request, context, mesh)
        }

        /// Adds the fields that the filter says.
        public func refused(_ reply: inout LocalReply, request: some RequestHead, context: CallContext) {
            context.selection?.filters?.refusedGlobally(&reply, request, context, mesh)
        }
    }
}
