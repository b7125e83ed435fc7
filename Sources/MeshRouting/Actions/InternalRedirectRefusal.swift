// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why a redirect is not followed, so that the caller gets it.
public enum InternalRedirectRefusal: String, Error, Hashable, Sendable {
    /// The response is none that the policy follows.
    case notARedirect
    /// The body of the request cannot be sent again.
    case unreplayable
    /// `location` is missing, or no absolute `http` or `https` URL.
    case badLocation
    /// It leads to another scheme.
    case scheme
    /// As many were followed as the policy allows.
    case limit
    /// The request's type cannot become what the redirect asks for.
    case unchangeable
}
