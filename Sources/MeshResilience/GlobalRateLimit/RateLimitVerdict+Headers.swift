// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension RateLimitVerdict {
    /// The fields that say how much is left of the limit that is closest to its end
    /// (`draft-ietf-httpapi-ratelimit-headers-03`).
    /// - Parameters:
    ///   - descriptors: What the request was counted under, each with what it says of the fields.
    ///   - standard: What counts where a descriptor says nothing.
    public func limitHeaders(
        for descriptors: [RateLimitDescriptor],
        standard: RateLimitHeaders
    ) -> [LocalReply.Header] {
        func tells(_ position: Int) -> Bool {
            let own = position < descriptors.count ? descriptors[position].headers : nil
            return (own ?? standard) == .draft03
        }
        var closest: (position: Int, limit: Limit)?
        for (position, status) in statuses.enumerated() {
            guard let limit = status.limit else { continue }
            if let known = closest, statuses[known.position].remaining <= status.remaining { continue }
            closest = (position, limit)
        }
        guard let closest, tells(closest.position) else { return [] }
        var policy = "\(closest.limit.requestsPerUnit)"
        for (position, status) in statuses.enumerated() where tells(position) {
            guard let limit = status.limit, let unit = limit.unit else { continue }
            let window = UInt64(unit.seconds) * UInt64(max(limit.multiplier, 1))
            policy += ", \(limit.requestsPerUnit);w=\(window)"
            if !limit.name.isEmpty { policy += ";name=\"\(limit.name)\"" }
        }
        let status = statuses[closest.position]
        return [
            LocalReply.Header("x-ratelimit-limit", policy),
            LocalReply.Header("x-ratelimit-remaining", "\(status.remaining)"),
            LocalReply.Header("x-ratelimit-reset", "\(status.reset.rawValue / 1_000_000_000)"),
        ]
    }

    /// After how many seconds it makes sense to try again: when the last of the limits that refused is new, and not before
    /// a second has passed; `nil` if none refused.
    var secondsToRetry: UInt64? {
        let longest = statuses.filter(\.isOverLimit).map { $0.reset.rawValue / 1_000_000_000 }.max()
        return longest.map { max($0, 1) }
    }
}
