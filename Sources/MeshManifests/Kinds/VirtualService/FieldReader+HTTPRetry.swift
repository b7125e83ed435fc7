// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension FieldReader {
    /// An `HTTPRetry` of a VirtualService.
    mutating func retrySetting() -> TrafficRule.RetrySetting? {
        let attempts = integer("attempts", in: 0...999)
        let perTry = duration("perTryTimeout")
        let conditions = text("retryOn").flatMap { retryConditions($0) }
        let backoff = duration("backoff")
        let ignoresPrevious = boolean("retryIgnorePreviousHosts") ?? true
        ignore("retryRemoteLocalities")
        guard let attempts else {
            if !has("attempts") { reportMissing("attempts") }
            return nil
        }
        guard attempts.value > 0 else {
            if let other = ["perTryTimeout", "retryOn", "backoff"].first(where: has) {
                context.error(.conflictingFields, at: keyPosition(other), "\(other) means nothing with 0 attempts")
            }
            return TrafficRule.RetrySetting.none
        }
        var policy = RetryPolicy()
        // Istio counts the retries, the first attempt left out.
        policy.maximumAttempts = attempts.value + 1
        policy.perTryTimeout = perTry?.value
        policy.conditions = conditions?.conditions ?? .standard
        policy.retriableStatusCodes = conditions?.statusCodes ?? []
        policy.avoidsPreviousEndpoints = ignoresPrevious
        if let backoff { policy.backoff = Backoff(base: backoff.value) }
        return .policy(policy)
    }

    private struct Conditions {
        var conditions: RetryConditions = []
        var statusCodes: [Int] = []
    }

    /// The comma-separated conditions of `retryOn`, status codes among them; `nil` if nothing usable is there.
    private func retryConditions(_ text: Located<String>) -> Conditions? {
        var read = Conditions()
        var offset = 0
        for part in text.value.split(separator: ",", omittingEmptySubsequences: false) {
            let position = context.position(of: offset + part.prefix { $0 == " " }.utf8.count, in: text)
            offset += part.utf8.count + 1
            let name = part.trimmingSpaces
            if let code = Int(name), (100...599).contains(code) {
                read.statusCodes.append(code)
                read.conditions.insert(.retriableStatusCodes)
            } else if let known = RetryConditions.names.first(where: { $0.name == name }) {
                read.conditions.insert(known.condition)
            } else if Self.unsupportedRetryConditions.contains(String(name)) {
                context.warning(.unsupportedField, at: position, "the retry condition \(name) is not supported yet")
            } else {
                let names = RetryConditions.names.map(\.name)
                let suggestion = NearestName.suggestion(for: String(name), among: names)
                context.error(.invalidValue, at: position, "retryOn has no condition \(name)\(suggestion)")
            }
        }
        if read.conditions == [.retriableStatusCodes], read.statusCodes.isEmpty {
            context.warning(.noEffect, at: text.position, "retriable-status-codes needs status codes beside it")
        }
        return read.conditions.isEmpty ? nil : read
    }

    private static let unsupportedRetryConditions: Set = [
        "retriable-headers", "http3-post-connect-failure",
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
