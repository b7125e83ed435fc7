// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

extension RouteFilters {
    /// The filters in words, in the order in which requests pass them.
    var summary: [String] {
        var lines: [String] = []
        if !mutations.isEmpty { lines.append("header mutation") }
        if let maximumRequestBytes { lines.append("buffer: bodies of at most \(maximumRequestBytes) bytes") }
        if let localLimit { lines.append("local rate limit of \(localLimit.place): \(localLimit.summary)") }
        if let globalLimit { lines.append("global rate limit: \(globalLimit.summary)") }
        if let session, let state = session.state {
            lines.append("stateful session by \(state.summary)\(session.isStrict ? ", strict" : "")")
        }
        return lines
    }
}

extension RouteFilters.LocalLimit {
    fileprivate var summary: String {
        let configuration = limiter.configuration
        var parts = [configuration.bucket.map { "\($0) for all" } ?? "no common bucket"]
        for limit in configuration.limits {
            let entries = limit.entries.map { "\($0.key)=\($0.value.isEmpty ? "*" : $0.value)" }
            parts.append("\(limit.bucket) for \(entries.joined(separator: ","))\(limit.isShadow ? " [shadow]" : "")")
        }
        parts.append("asked for \(filter.enabled.share), enforced for \(filter.enforced.share)")
        return parts.joined(separator: "; ") + configuration.mode.note
    }
}

extension RouteFilters.GlobalLimit {
    fileprivate var summary: String {
        let configuration = limiter.configuration
        var parts = ["domain \(domain ?? configuration.domain)", "\(limits.count) descriptors"]
        parts.append("service \(configuration.service), asked for \(configuration.timeout.duration)")
        let failure = filter.refusedOnFailure.map { "\($0.share) are refused" }
        let unanswered = failure ?? (configuration.refusesOnFailure ? "requests are refused" : "requests pass")
        parts.append("while it does not answer, \(unanswered)")
        if !isServiceKnown { parts.append("this process does not know the service") }
        return parts.joined(separator: "; ") + configuration.mode.note
    }
}

extension SessionState {
    fileprivate var summary: String {
        switch self {
        case .cookie(let cookie): "cookie \(cookie.name)"
        case .header(let name): "header \(name)"
        }
    }
}
