// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why the authority does not sign a request.
enum SigningRefusal: Error, Hashable {
    /// Nobody knows the token.
    case unauthenticated
    /// The request is not one that the authority signs for anybody.
    case badRequest(String)
    /// The bearer of the token may not have this identity.
    case forbidden(String)
}
