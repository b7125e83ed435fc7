// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What the end of an attempt means to its call.
enum HedgeVerdict: Sendable {
    /// It is the answer.
    case answer
    /// Another attempt may do better.
    case failure(HedgePushback)
}
