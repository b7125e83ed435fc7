// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// Checks the tokens of requests against requirements: Envoy's JWT filter without its routes.
package struct JWTAuthenticator: Sendable {
    /// A requirement with the places where its tokens are.
    package indirect enum Requirement: Sendable {
        case none
        case provider(Int, audiences: [String]?, Places)
        case any([Requirement], allowsMissing: Bool, allowsFailed: Bool)
        case all([Requirement])
        case optional(Places, allowsFailed: Bool)
    }

    /// Where tokens are. Its contents are this module's own.
    package struct Places: Sendable {
        let locations: TokenLocations
    }

    /// The providers, by their names' order.
    package let providers: [JWTProviderState]
    /// The headers that providers write, those of all of them.
    package let writtenHeaders: [HeaderName]
    private let byIssuer: [String: Int]

    /// Creates an authenticator.
    package init(_ providers: [JWTProviderState]) {
        self.providers = providers.sorted { $0.provider.name < $1.provider.name }
        // Of two with one issuer the first one counts.
        byIssuer = Dictionary(
            self.providers.enumerated().map { ($1.provider.issuer, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        var seen: Set<HeaderName> = []
        writtenHeaders = self.providers.flatMap(\.provider.writtenHeaders).filter { seen.insert($0).inserted }
    }

    /// Takes the headers that providers write out of a request, whoever wrote them.
    ///
    /// Of all providers, and before anything else is decided: a request that needs no token, or another provider's, must
    /// not carry a claim either that nobody has made. Envoy does so since 1.40.
    package func removeWrittenHeaders(from request: inout some RequestHead) {
        for name in writtenHeaders { request.removeValues(of: name) }
    }

    /// Prepares a requirement. One for a provider that does not exist can never be met.
    package func compiled(_ requirement: JWTRequirement) -> Requirement {
        switch requirement {
        case .none: return .none
        case .provider(let name): return compiled(name, audiences: nil)
        case .providerForAudiences(let name, let audiences):
            return compiled(name, audiences: audiences.isEmpty ? nil : audiences)
        case .any(let parts):
            let real = parts.filter { $0 != .allowMissing && $0 != .allowMissingOrFailed }
            let (allowsMissing, allowsFailed) = (parts.contains(.allowMissing), parts.contains(.allowMissingOrFailed))
            guard !real.isEmpty else { return compiled(allowsFailed ? .allowMissingOrFailed : .allowMissing) }
            return .any(real.map(compiled), allowsMissing: allowsMissing, allowsFailed: allowsFailed)
        case .all(let parts): return .all(parts.map(compiled))
        case .allowMissing: return .optional(Places(locations: allLocations), allowsFailed: false)
        case .allowMissingOrFailed: return .optional(Places(locations: allLocations), allowsFailed: true)
        }
    }

    private var allLocations: TokenLocations { TokenLocations(providers.map(\.provider)) }

    private func compiled(_ name: String, audiences: [String]?) -> Requirement {
        guard let index = providers.firstIndex(where: { $0.provider.name == name }) else {
            return .any([], allowsMissing: false, allowsFailed: false)
        }
        return .provider(index, audiences: audiences, Places(locations: TokenLocations([providers[index].provider])))
    }

    /// Checks a request's tokens, and writes into the request what of them is passed on.
    /// - Parameters:
    ///   - request: The request, from which `removeWrittenHeaders(from:)` has taken what its caller wrote.
    ///   - notes: What later filters may ask.
    ///   - now: The time since 1970.
    ///   - deadline: When nobody waits for keys any more.
    /// - Returns: Why the request may not pass; `nil` if it may.
    package func check<Request: RequestHead>(
        _ request: inout Request,
        against requirement: Requirement,
        notes: inout TokenNotes,
        now: Nanoseconds,
        deadline: Deadline
    ) async -> TokenFailure? {
        await evaluate(requirement, &request, &notes, now, deadline)
    }

    private func evaluate<Request: RequestHead>(
        _ requirement: Requirement,
        _ request: inout Request,
        _ notes: inout TokenNotes,
        _ now: Nanoseconds,
        _ deadline: Deadline
    ) async -> TokenFailure? {
        switch requirement {
        case .none: return nil
        case .provider(let index, let audiences, let places):
            let locations = places.locations
            for name in locations.written { request.removeValues(of: name) }
            let tokens = locations.tokens(in: request)
            guard !tokens.isEmpty else {
                // Envoy has no provider in hand here unless there is only one.
                if providers.count == 1 { notes.failed(.missing, providers[index].provider) }
                return .missing
            }
            for token in tokens.reversed() {
                let failure = await check(token, index, audiences, &request, &notes, now, deadline)
                if let failure { return failure }
            }
            return nil
        case .any(let parts, let allowsMissing, let allowsFailed):
            var final = TokenFailure.missing
            for part in parts {
                guard let failure = await evaluate(part, &request, &notes, now, deadline) else { return nil }
                // What is wrong with a token says more than that it is another provider's, and that more than that
                // there is none.
                if failure != .missing && failure != .unknownIssuer || final == .missing { final = failure }
            }
            return allowsFailed || allowsMissing && final == .missing ? nil : final
        case .all(let parts):
            for part in parts {
                if let failure = await evaluate(part, &request, &notes, now, deadline) { return failure }
            }
            return nil
        case .optional(let places, let allowsFailed):
            let locations = places.locations
            for name in locations.written { request.removeValues(of: name) }
            var first: TokenFailure?
            for token in locations.tokens(in: request).reversed() {
                let failure = await check(token, nil, nil, &request, &notes, now, deadline)
                first = first ?? failure
            }
            return allowsFailed ? nil : first
        }
    }

    private func check<Request: RequestHead>(
        _ found: TokenLocations.Found,
        _ index: Int?,
        _ audiences: [String]?,
        _ request: inout Request,
        _ notes: inout TokenNotes,
        _ now: Nanoseconds,
        _ deadline: Deadline
    ) async -> TokenFailure? {
        var state = index.map { providers[$0] }
        do throws(TokenFailure) {
            let remembered = state?.remembered(found.text)
            let token: JSONWebToken
            if let remembered { token = remembered } else { token = try JSONWebToken(found.text) }
            guard found.allows(token.issuer) else { throw .unknownIssuer }
            if state == nil { state = (byIssuer[token.issuer] ?? byIssuer[""]).map { providers[$0] } }
            guard let state else { throw .unknownIssuer }
            try state.checkClaims(token, audiences: audiences, now: now)
            if remembered == nil { try await state.checkSignature(token, found.text, until: deadline) }
            pass(token, found, state.provider, &request, &notes)
            return nil
        } catch {
            if let provider = state?.provider ?? (providers.count == 1 ? providers[0].provider : nil) {
                notes.failed(error, provider)
            }
            return error
        }
    }

    private func pass(
        _ token: JSONWebToken,
        _ found: TokenLocations.Found,
        _ provider: JWTProvider,
        _ request: inout some RequestHead,
        _ notes: inout TokenNotes
    ) {
        if let header = provider.payloadHeader {
            let padding = provider.padsPayloadHeader ? Base64URL.padding(of: token.encodedClaims) : ""
            request.appendValue(token.encodedClaims + padding, for: header)
        }
        for rule in provider.claimHeaders {
            guard let value = token.claim(rule.claim)?.headerText else { continue }
            request.appendValue(value, for: rule.header)
        }
        if !provider.forwardsToken { found.location.remove(from: &request) }
        notes.passed(token, provider)
    }
}
