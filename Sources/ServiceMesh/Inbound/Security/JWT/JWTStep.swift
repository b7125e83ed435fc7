// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity

/// A JWT filter in the form that requests use.
struct JWTStep: Sendable {
    private struct Rule: Sendable {
        let match: RouteMatch
        let requirement: JWTAuthenticator.Requirement
    }

    let authenticator: JWTAuthenticator
    let filter: JWTFilter
    private let rules: [Rule]
    private let named: [String: JWTAuthenticator.Requirement]
    private let wallClock: WallClock
    /// Whether somebody checks signatures.
    let verifies: Bool
    /// The requirement's name that holds here in place of the rules.
    private(set) var override: String?
    /// Whether no token is asked for here.
    private(set) var isSwitchedOff = false

    init(_ filter: JWTFilter, _ authority: TokenAuthority) {
        let authenticator = authority.authenticator(of: filter)
        self.filter = filter
        self.authenticator = authenticator
        self.wallClock = authority.wallClock
        self.verifies = authority.verifies
        let named = filter.requirements.mapValues { authenticator.compiled($0) }
        self.named = named
        rules = filter.rules.map { rule in
            let requirement =
                switch rule.requirement {
                case .inline(let requirement): authenticator.compiled(requirement)
                // Names were checked before; one that is unknown can never be met.
                case .named(let name): named[name] ?? authenticator.compiled(.any([.provider("")]))
                }
            return Rule(match: rule.match, requirement: requirement)
        }
    }

    /// The filter with a route's requirement.
    func requiring(_ name: String) -> JWTStep {
        var step = self
        step.override = name
        return step
    }

    /// The filter where it is switched off: what its providers write, callers must not write there either.
    /// - Returns: `nil` if its providers write no headers, so that nothing is left to do.
    func switchedOff() -> JWTStep? {
        guard !authenticator.writtenHeaders.isEmpty else { return nil }
        var step = self
        step.isSwitchedOff = true
        return step
    }

    /// Lets a request pass that carries what it has to, and writes into it what of its tokens is passed on.
    /// - Throws: `MeshError` with Envoy's answer.
    func admit<Request: RequestHead>(
        _ request: inout Request,
        context: inout CallContext,
        listener: String,
        _ observers: ObserverSet
    ) async throws(MeshError) {
        authenticator.removeWrittenHeaders(from: &request)
        if isSwitchedOff || filter.bypassesPreflight && request.isPreflight { return }
        let requirement: JWTAuthenticator.Requirement
        if let override {
            guard let known = named[override] else {
                let names = named.keys.sorted().joined(separator: ",")
                let text = "Wrong requirement_name: \(override). It should be one of [\(names)]"
                observers.noticed(.tokensChecked(listener: listener, refusal: "wrong_requirement_name"))
                throw refusal(
                    request,
                    LocalReply(
                        status: 403,
                        body: filter.stripsFailure ? "" : "Failed JWT authentication: \(text)"
                    ),
                    text
                )
            }
            requirement = known
        } else {
            let facts = RoutingFacts(random: context.random, metadata: context.filterMetadata)
            let path = request.pathWithoutQuery
            let rule = rules.first { $0.match.firstMismatch(request, path: path, facts: facts) == nil }
            guard let rule else { return }
            requirement = rule.requirement
        }
        if case .none = requirement { return }
        let realm = request.realm
        var notes = TokenNotes()
        let failure = await authenticator.check(
            &request,
            against: requirement,
            notes: &notes,
            now: wallClock.sinceEpoch,
            deadline: context.deadline
        )
        if !notes.fields.isEmpty { context.noteMetadata(notes.fields, of: JWTProvider.metadataNamespace) }
        observers.noticed(.tokensChecked(listener: listener, refusal: failure?.label))
        guard let failure else { return }
        var reply = LocalReply(status: failure.httpStatus)
        if !filter.stripsFailure {
            reply.body = failure.message
            let error = failure == .missing ? "" : ", error=\"invalid_token\""
            reply.headers = [LocalReply.Header("www-authenticate", "Bearer realm=\"\(realm)\"\(error)")]
        }
        throw refusal(request, reply, failure.message)
    }

    private func refusal(_ request: some RequestHead, _ reply: LocalReply, _ reason: String) -> MeshError {
        MeshError(.unauthorized, origin: .downstream, message: reason, localReply: reply.adapted(to: request))
    }
}

extension TokenFailure {
    /// Its name in metrics.
    var label: String { "\(self)" }
}

extension RequestHead {
    /// Whether it is a browser's question before a request (the Fetch standard's CORS-preflight).
    fileprivate var isPreflight: Bool {
        method == "OPTIONS" && !(value(of: "origin") ?? "").isEmpty
            && !(value(of: "access-control-request-method") ?? "").isEmpty
    }

    /// Its address as Envoy writes it into challenges: without what could end the quotes, and no longer than 256 bytes.
    fileprivate var realm: String {
        let path = String(decoding: self.path.utf8.prefix(256), as: UTF8.self)
        let text = "\(scheme ?? "http")://\(authority ?? "")\(path)"
        return text.utf8.contains { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
            ? text.filter { $0 != "\"" && $0 != "\\" } : text
    }
}
