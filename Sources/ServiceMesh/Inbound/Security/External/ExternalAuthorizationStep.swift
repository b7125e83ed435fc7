// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity

/// A filter that asks a service, in the form that requests use.
struct ExternalAuthorizationStep: Sendable {
    let filter: ExternalAuthorizationFilter
    /// Whether this process can ask the service.
    let isServiceKnown: Bool
    private let authorizer: any ExternalAuthorizer
    private let wallClock: WallClock
    /// What the route says for the service.
    private(set) var contextExtensions: [String: String] = [:]

    init(_ filter: ExternalAuthorizationFilter, _ authority: TokenAuthority) {
        self.filter = filter
        if let http = filter.http {
            let fetchers = authority.fetchers
            // Whether there is such a cluster shows when it is asked.
            isServiceKnown = true
            authorizer = HTTPAuthorizer(
                cluster: filter.service,
                settings: http,
                timeout: filter.timeout,
                calls: { fetchers.calls }
            )
        } else {
            isServiceKnown = authority.authorizers.knows(filter.service)
            authorizer = authority.authorizers.authorizer(named: filter.service)
        }
        wallClock = authority.wallClock
    }

    /// The filter with what a route says for the service.
    func telling(_ extensions: [String: String]) -> ExternalAuthorizationStep {
        var step = self
        step.contextExtensions = extensions
        return step
    }

    /// Lets a request pass that the service lets pass, and writes into it what the service wants.
    /// - Throws: `MeshError` with the service's answer, or with the filter's own where the service gave none.
    func admit<Request: RequestHead>(
        _ request: inout Request,
        peer: AuthorizationPeer,
        context: inout CallContext,
        listener: String,
        _ mesh: Mesh
    ) async throws {
        if let matcher = filter.enabledMetadata, !matcher.matches(context.filterMetadata) { return }
        guard filter.enabled.share.contains(mesh.random.next()) else {
            guard filter.deniesOthers else { return }
            told(listener, "disabled", mesh)
            throw refusal(
                LocalReply(status: filter.failureStatus),
                request,
                "requests are refused without being asked about"
            )
        }
        let question = question(request, peer: peer, context)
        let verdict: ExternalVerdict
        do {
            verdict = try await ask(question, until: context.deadline, mesh)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            guard filter.allowsOnFailure else {
                told(listener, "error", mesh)
                throw refusal(
                    LocalReply(status: filter.failureStatus),
                    request,
                    "the authorizer did not answer: \(error)"
                )
            }
            told(listener, "failure_mode_allowed", mesh)
            if filter.marksFailure { request.setValue("true", for: "x-envoy-auth-failure-mode-allowed") }
            return
        }
        if !verdict.metadata.isEmpty {
            context.noteMetadata(verdict.metadata, of: ExternalAuthorizationFilter.standardName)
        }
        if let answer = verdict.refusal {
            told(listener, "denied", mesh)
            throw refusal(answer, request, "the authorizer refuses the request")
        }
        told(listener, "ok", mesh)
        verdict.apply(to: &request)
    }

    private func told(_ listener: String, _ verdict: String, _ mesh: Mesh) {
        mesh.observers.noticed(.authorizerAsked(listener: listener, service: filter.service, verdict: verdict))
    }

    private func ask(
        _ question: AuthorizationQuestion,
        until deadline: Deadline,
        _ mesh: Mesh
    ) async throws -> ExternalVerdict {
        var deadline = deadline
        deadline.shorten(to: Deadline(filter.timeout, after: mesh.clock.now))
        let (authorizer, limit) = (authorizer, deadline)
        return try await withThrowingTaskGroup(of: ExternalVerdict.self) { group in
            group.addTask { try await authorizer.check(question, deadline: limit) }
            group.addTask {
                try await mesh.clock.sleep(until: limit.instant)
                throw MeshError(.deadlineExceeded, origin: .local, message: "no answer in time")
            }
            defer { group.cancelAll() }
            guard let verdict = try await group.next() else { throw CancellationError() }
            return verdict
        }
    }

    private func question(
        _ request: some RequestHead,
        peer: AuthorizationPeer,
        _ context: CallContext
    ) -> AuthorizationQuestion {
        var headers: [String: String] = [:]
        func tell(_ name: String, _ value: String) {
            let isStandard = filter.http == nil ? filter.sentHeaders.isEmpty : name == "authorization"
            guard isStandard || filter.sentHeaders.contains(where: { $0.matches(name) }),
                !filter.withheldHeaders.contains(where: { $0.matches(name) })
            else { return }
            headers[name] = headers[name].map { "\($0),\(value)" } ?? value
        }
        tell(":method", request.method)
        tell(":path", request.path)
        if let authority = request.authority { tell(":authority", authority) }
        if let scheme = request.scheme { tell(":scheme", scheme) }
        for field in (request as? any FieldListing)?.listedFields ?? [] { tell(field.name, field.value) }
        let metadata = context.filterState?.metadata ?? [:]
        return AuthorizationQuestion(
            method: request.method,
            scheme: request.scheme ?? "http",
            authority: request.authority ?? "",
            path: request.path,
            headers: headers,
            bodyLength: request.knownBodyLength,
            peer: peer,
            contextExtensions: contextExtensions,
            metadata: metadata.filter { filter.metadataNamespaces.contains($0.key) },
            time: wallClock.sinceEpoch
        )
    }

    private func refusal(_ reply: LocalReply, _ request: some RequestHead, _ reason: String) -> MeshError {
        MeshError(.unauthorized, origin: .downstream, message: reason, localReply: reply.adapted(to: request))
    }
}
