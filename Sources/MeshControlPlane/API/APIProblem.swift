// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird
import MeshCore

/// A refusal, as the API answers it: a status, a sentence, and the fields that are wrong.
struct APIProblem: Error, HTTPResponseError {
    var status: HTTPResponse.Status
    var message: String
    var fields: [ConfigurationError.Problem] = []

    /// The request has no token that is known.
    static let unauthorized = APIProblem(status: .unauthorized, message: "a known bearer token is needed")
    /// There is nothing at this path.
    static let notFound = APIProblem(status: .notFound, message: "there is nothing here")

    static func unknownInstance(_ id: String) -> APIProblem {
        APIProblem(status: .notFound, message: "there is no instance \(id.prefix(128)); register it again")
    }

    static func forbidden(_ message: String) -> APIProblem {
        APIProblem(status: .forbidden, message: message)
    }

    static func badRequest(_ error: ConfigurationError) -> APIProblem {
        APIProblem(status: .badRequest, message: "the registration is not valid", fields: error.problems)
    }

    static func tooLarge(limit: Int) -> APIProblem {
        APIProblem(status: .contentTooLarge, message: "a body has at most \(limit) bytes")
    }

    private struct Body: Encodable {
        struct Field: Encodable {
            var path: String
            var message: String
        }

        var error: String
        var fields: [Field]?
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        let fields = fields.map { Body.Field(path: $0.path, message: $0.message) }
        var response = try Response(
            status: status,
            json: Body(error: message, fields: fields.isEmpty ? nil : fields)
        )
        // RFC 9110 §11.6.1: a 401 says how to authenticate.
        if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}
