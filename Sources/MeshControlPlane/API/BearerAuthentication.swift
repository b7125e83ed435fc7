// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird

/// Lets only bearers of known tokens in, before anything of the request but its head is read.
struct BearerAuthentication: RouterMiddleware {
    typealias Context = APIRequestContext

    let tokens: TokenBook

    func handle(
        _ request: Request,
        context: APIRequestContext,
        next: @concurrent (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        guard let secret = Self.bearerToken(in: request.headers), let claims = tokens.claims(of: secret) else {
            throw APIProblem.unauthorized
        }
        var context = context
        context.claims = claims
        return try await next(request, context)
    }

    /// The token of an `Authorization` field (RFC 6750 §2.1); `nil` unless there is exactly one field.
    static func bearerToken(in headers: HTTPFields) -> String? {
        let values = headers[values: .authorization]
        guard values.count == 1, let value = values.first else { return nil }
        // The scheme's name is case-insensitive (RFC 9110 §11.1).
        let scheme = "bearer "
        guard value.utf8.count > scheme.utf8.count, value.prefix(scheme.count).lowercased() == scheme else {
            return nil
        }
        return String(value.dropFirst(scheme.count))
    }
}
