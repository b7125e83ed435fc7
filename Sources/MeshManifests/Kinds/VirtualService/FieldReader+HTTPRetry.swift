// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension FieldReader {
    /// An `HTTPRetry` of a VirtualService.
    mutating func retrySetting() -> TrafficRule.RetrySetting? {
        let attempts = integer("attempts", in: 0...999)
        let perTry = duration("perTryTimeout")
        let conditions = text("retryOn").flatMap { $0.value.isEmpty ? nil : retryConditions($0) }
        let backoff = duration("backoff")
        let avoidsPrevious = boolean("retryIgnorePreviousHosts")
        if boolean("retryRemoteLocalities") == true {
            context.warning(
                .unsupportedField,
                at: keyPosition("retryRemoteLocalities"),
                "retryRemoteLocalities is not supported yet: retries stay where the balancer sends requests"
            )
        }
        guard let attempts else {
            if !has("attempts") { reportMissing("attempts") }
            return nil
        }
        guard attempts.value > 0 else {
            if let other = ["perTryTimeout", "retryOn", "backoff"].first(where: has) {
                context.error(.conflictingFields, at: keyPosition(other), "\(other) means nothing with 0 attempts")
            }
            return .never
        }
        // Conditions of which none can come true retry nothing.
        if let conditions, conditions.conditions.isEmpty { return .never }
        var policy = RetryPolicy()
        // Istio counts the retries, the first attempt left out.
        policy.maximumAttempts = attempts.value + 1
        policy.perTryTimeout = perTry?.value
        policy.conditions = conditions?.conditions ?? .standard
        policy.retriableStatusCodes = conditions?.statusCodes ?? []
        policy.avoidsPreviousEndpoints = avoidsPrevious ?? true
        if let backoff { policy.backoff = Backoff(base: backoff.value) }
        return .policy(policy, choosesEndpoints: avoidsPrevious != nil)
    }

    private struct Conditions {
        var conditions: RetryConditions = []
        var statusCodes: [Int] = []
    }

    /// The comma-separated conditions of `retryOn`, status codes among them.
    private func retryConditions(_ text: Located<String>) -> Conditions {
        var read = Conditions()
        var offset = 0
        for part in text.value.split(separator: ",", omittingEmptySubsequences: false) {
            let position = context.position(of: offset + part.prefix { $0 == " " }.utf8.count, in: text)
            offset += part.utf8.count + 1
            let name = part.trimmingSpaces
            if let reason = Self.idleConditions[String(name)] {
                context.warning(.noEffect, at: position, "\(name) never holds: \(reason)")
                continue
            }
            if let code = Int(name), (100...599).contains(code) {
                read.statusCodes.append(code)
                read.conditions.insert(.retriableStatusCodes)
            } else if let known = RetryConditions.names.first(where: { $0.name == name }) {
                read.conditions.insert(known.condition)
            } else {
                let names = RetryConditions.names.map(\.name) + Self.idleConditions.keys
                let suggestion = NearestName.suggestion(for: String(name), among: names)
                context.error(.invalidValue, at: position, "retryOn has no condition \(name)\(suggestion)")
            }
        }
        if read.conditions == [.retriableStatusCodes], read.statusCodes.isEmpty {
            context.warning(.noEffect, at: text.position, "retriable-status-codes needs status codes beside it")
        }
        return read
    }

    /// Conditions that Istio takes and that nothing can meet.
    private static let idleConditions = [
        "retriable-headers": "Istio has no field that names the headers",
        "http3-post-connect-failure": "HTTP/3 is not spoken",
    ]
}

extension Substring {
    /// The text without spaces and tabs at its ends.
    var trimmingSpaces: Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
