// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import Hummingbird
import MeshCore
import NIOCore

/// The registration API: JSON over HTTP, for bearers of known tokens.
struct ControlPlaneAPI: Sendable {
    let registry: ServiceRegistry
    let tokens: TokenBook
    let authority: AuthorityAPI
    let maximumBodySize: Int
    let status: @Sendable () -> StatusAnswer
    let diagnostics: @Sendable () -> DiagnosticsAnswer
    /// A connected client by the number of its stream; `nil` if it is gone.
    let client: @Sendable (UInt64) -> ClientAnswer?

    /// The routes.
    func router() -> Router<APIRequestContext> {
        let router = Router(context: APIRequestContext.self)
        router.add(middleware: BearerAuthentication(tokens: tokens))
        router.post("v1/instances") { request, context in try await register(request, context) }
        router.get("v1/instances") { _, context in try instances(context) }
        router.put("v1/instances/:id") { request, context in try await renew(request, context) }
        router.delete("v1/instances/:id") { _, context in try deregister(context) }
        router.get("v1/status") { _, _ in try Response(json: status()) }
        router.get("v1/clients/:stream") { _, context in try client(context) }
        router.get("v1/diagnostics") { _, _ in try Response(json: diagnostics()) }
        authority.add(to: router)
        return router
    }

    private func register(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let claims = try Self.claims(context)
        let body = try await body(of: request)
        let registration: Registration
        do {
            registration = try Registration.read(Data(body.readableBytesView))
        } catch {
            throw APIProblem.badRequest(error)
        }
        guard claims.allows(namespace: registration.namespace, serviceAccount: registration.serviceAccount) else {
            throw APIProblem.forbidden(
                "the token may not claim \(registration.serviceAccount) in \(registration.namespace)"
            )
        }
        switch registry.register(registration, owner: claims.owner) {
        case .registered:
            return try Response(status: .created, json: lease)
        case .refusedForeign:
            throw APIProblem.forbidden("an instance of another token has this id")
        case .refusedOccupied:
            throw APIProblem(status: .conflict, message: "an instance of another token listens at this address")
        case .refusedFull:
            throw APIProblem(status: .serviceUnavailable, message: "there are as many instances as there may be")
        }
    }

    /// A renewal without a body only renews, so that instances and control planes of either age understand each other: an
    /// older control plane takes one that says more for a mere renewal.
    private func renew(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let (id, claims) = try Self.target(context)
        let renewal: Renewal
        do {
            renewal = try Renewal.read(Data(try await body(of: request).readableBytesView))
        } catch let error as ConfigurationError {
            throw APIProblem.badRequest(error)
        }
        try Self.check(registry.renew(id, owner: claims.owner, state: renewal.state), id)
        return try Response(json: lease)
    }

    private func body(of request: Request) async throws -> ByteBuffer {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > maximumBodySize {
            throw APIProblem.tooLarge(limit: maximumBodySize)
        }
        do {
            return try await request.body.collect(upTo: maximumBodySize)
        } catch is NIOTooManyBytesError {
            throw APIProblem.tooLarge(limit: maximumBodySize)
        }
    }

    private func deregister(_ context: APIRequestContext) throws -> Response {
        let (id, claims) = try Self.target(context)
        try Self.check(registry.deregister(id, owner: claims.owner), id)
        return Response(status: .noContent)
    }

    private func instances(_ context: APIRequestContext) throws -> Response {
        let claims = try Self.claims(context)
        let visible = registry.snapshot.registrations.filter { $0.namespace == claims.namespace }
        return try Response(json: InstancesAnswer(instances: visible))
    }

    private func client(_ context: APIRequestContext) throws -> Response {
        guard let stream = context.parameters.get("stream").flatMap({ UInt64($0) }), let answer = client(stream) else {
            throw APIProblem.notFound
        }
        return try Response(json: answer)
    }

    private var lease: LeaseAnswer { LeaseAnswer(leaseSeconds: registry.leaseDuration.seconds) }

    private static func check(_ action: ServiceRegistryStateMachine.InstanceAction, _ id: String) throws {
        switch action {
        case .done: break
        case .unknown: throw APIProblem.unknownInstance(id)
        case .refusedForeign: throw APIProblem.forbidden("the instance belongs to another token")
        }
    }

    private static func target(_ context: APIRequestContext) throws -> (id: String, claims: TokenClaims) {
        let claims = try claims(context)
        guard let id = context.parameters.get("id")?.removingPercentEncoding, NameRules.identifier.accepts(id) else {
            throw APIProblem.notFound
        }
        return (id, claims)
    }

    static func claims(_ context: APIRequestContext) throws -> TokenClaims {
        guard let claims = context.claims else { throw APIProblem.unauthorized }
        return claims
    }
}
