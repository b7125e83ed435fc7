// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why the authority does not sign a request.
enum SigningRefusal: Error, Hashable {
    /// Nobody knows the token or the certificate.
    case unauthenticated
    /// The request is not one that the authority signs for anybody.
    case badRequest(String)
    /// The caller may not have this identity.
    case forbidden(String)
    /// The caller asks too often.
    case tooMany(String)
    /// The authority cannot sign at the moment.
    case unavailable(String)

    /// One sentence for a person.
    var reason: String {
        switch self {
        case .unauthenticated: "a known bearer token, or a certificate of this authority, is needed"
        case .badRequest(let message), .forbidden(let message), .tooMany(let message), .unavailable(let message):
            message
        }
    }
}
