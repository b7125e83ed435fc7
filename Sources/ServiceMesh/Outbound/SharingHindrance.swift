// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why a client's answers are not shared.
enum SharingHindrance: Sendable {
    /// How they would be held nobody said.
    case noReplay
    /// Middleware below adds to requests what they are not compared by.
    case attemptMiddleware

    /// The reason, about a client's stack.
    var reason: String {
        switch self {
        case .noReplay: "made without a ResponseReplay"
        case .attemptMiddleware: "made with attempt middleware and a ResponseReplay that does not allow it"
        }
    }
}
