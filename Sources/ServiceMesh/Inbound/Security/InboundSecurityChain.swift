// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity

/// What decides who may pass: a listener's filters for that, in the listener's own order. Istio's order is tokens, then
/// CUSTOM, DENY and ALLOW; Envoy's is what its configuration lists.
struct InboundSecurityChain: Sendable {
    /// One filter.
    enum Step: Sendable {
        /// Rules that say who may do what.
        case authorization(AuthorizationStep)
        /// Tokens that requests have to carry.
        case jwt(JWTStep)
        /// A service that says who may pass.
        case externalAuthorization(ExternalAuthorizationStep)
    }

    /// The filters, in the order in which requests pass them.
    let steps: [Step]
    /// What they are made from, with their names: for routes that say it otherwise.
    private let sources: [Source]

    /// A filter of the listener that decides who may pass.
    private struct Source: Sendable {
        let name: String
        let filter: HTTPFilter
        /// The filter with its state, where it has one: routes share it.
        var jwt: JWTStep?
        var external: ExternalAuthorizationStep?
    }

    /// Whether everybody may pass.
    var isEmpty: Bool { steps.isEmpty }

    /// The chain of a listener.
    init(_ filters: [HTTPFilter], _ tokens: TokenAuthority) {
        var count = 0
        sources = filters.compactMap { filter in
            switch filter {
            case .authorization(let authorization):
                count += 1
                let standard = AuthorizationFilter.standardName(number: count)
                return Source(name: authorization.name.isEmpty ? standard : authorization.name, filter: filter)
            case .jwt(let jwt):
                return Source(name: JWTProvider.metadataNamespace, filter: filter, jwt: JWTStep(jwt, tokens))
            case .externalAuthorization(let external):
                return Source(
                    name: ExternalAuthorizationFilter.standardName,
                    filter: filter,
                    external: ExternalAuthorizationStep(external, tokens)
                )
            case .fault, .rateLimit, .policies, .localRateLimit, .globalRateLimit, .headerMutation, .buffer,
                .statefulSession:
                return nil
            }
        }
        steps = sources.compactMap { Self.step($0, overrides: []) }
    }

    private init(sources: [Source], steps: [Step]) {
        self.sources = sources
        self.steps = steps
    }

    /// The chain with what other places say of the listener's filters, from the least specific place to the most specific
    /// one: of each filter, what the most specific one says that says something.
    func overridden(by overrides: [FilterOverrides]) -> InboundSecurityChain {
        guard !sources.isEmpty, overrides.contains(where: \.isAboutSecurity) else { return self }
        let steps = sources.compactMap { Self.step($0, overrides: overrides) }
        return InboundSecurityChain(sources: sources, steps: steps)
    }

    private static func step(_ source: Source, overrides: [FilterOverrides]) -> Step? {
        switch source.filter {
        case .authorization(let filter):
            switch overrides.reversed().lazy.compactMap({ $0.authorization(of: source.name) }).first {
            case nil: AuthorizationStep(filter, name: source.name).map(Step.authorization)
            case .disabled: nil
            case .settings(let settings): AuthorizationStep(settings, name: source.name).map(Step.authorization)
            }
        case .jwt:
            switch overrides.reversed().lazy.compactMap(\.jwt).first {
            case nil: source.jwt.map(Step.jwt)
            case .disabled: source.jwt?.switchedOff().map(Step.jwt)
            case .settings(let name): source.jwt.map { .jwt($0.requiring(name)) }
            }
        case .externalAuthorization:
            switch overrides.reversed().lazy.compactMap(\.externalAuthorization).first {
            case nil: source.external.map(Step.externalAuthorization)
            case .disabled: nil
            case .settings(let extensions): source.external.map { .externalAuthorization($0.telling(extensions)) }
            }
        case .fault, .rateLimit, .policies, .localRateLimit, .globalRateLimit, .headerMutation, .buffer,
            .statefulSession:
            nil
        }
    }

    /// Lets a request pass all filters.
    /// - Parameters:
    ///   - request: The request; tokens leave it, and what they say comes into it.
    ///   - peer: What is known of the connection; what filters note about the request is taken from the context.
    ///   - listener: The listener's name, for reports.
    /// - Throws: `MeshError` of the first filter that refuses, with the answer.
    func admit<Request: RequestHead>(
        _ request: inout Request,
        peer: AuthorizationPeer,
        context: inout CallContext,
        listener: String,
        _ mesh: Mesh
    ) async throws {
        var peer = peer
        for step in steps {
            switch step {
            case .authorization(let step):
                if context.filterState != nil { peer.metadata = context.filterMetadata }
                try step.admit(request, peer: peer, context: &context, listener: listener, mesh.observers)
            case .jwt(let step):
                try await step.admit(&request, context: &context, listener: listener, mesh.observers)
            case .externalAuthorization(let step):
                try await step.admit(&request, peer: peer, context: &context, listener: listener, mesh)
            }
        }
    }
}

extension FilterOverrides {
    /// Whether something is said of filters that decide who may pass.
    fileprivate var isAboutSecurity: Bool { !authorization.isEmpty || jwt != nil || externalAuthorization != nil }

    /// What is said of the authorization filter of a name; the empty name means the standard one.
    fileprivate func authorization(of name: String) -> FilterOverride<AuthorizationFilter>? {
        authorization[name] ?? (name == AuthorizationFilter.standardName ? authorization[""] : nil)
    }
}
