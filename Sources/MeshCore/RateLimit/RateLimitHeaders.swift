// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whether answers say how much of a rate limit is left, in `x-ratelimit-limit`, `x-ratelimit-remaining` and
/// `x-ratelimit-reset`.
public enum RateLimitHeaders: String, Hashable, Sendable, CaseIterable {
    /// They say nothing: Envoy's default.
    case off
    /// As the third draft of `draft-ietf-httpapi-ratelimit-headers` has them (`DRAFT_VERSION_03`).
    case draft03 = "draft_03"
}
