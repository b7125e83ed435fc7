// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshRouting

extension FieldReader {
    /// An `HTTPRoute` of a VirtualService.
    mutating func trafficRule(defaultName: String, namespace: String) -> TrafficRule? {
        let name = text("name")?.value ?? defaultName
        let conditions = mappings("match") { $0.requestCondition() }
        let shares = trafficShares("route", namespace: namespace)
        let reply = mapping("directResponse") { $0.directResponse() }
        let timeout = duration("timeout", allowsZero: true)
        let retry = mapping("retries") { $0.retrySetting() }
        let fault = mapping("fault") { $0.fault() }
        let routes = has("route")
        let replies = has("directResponse")
        ignore(
            "mirror",
            "mirrors",
            "mirrorPercent",
            "mirrorPercentage",
            "mirror_percent",
            because: "nothing is mirrored"
        )
        ignore("corsPolicy", because: "no CORS headers are sent")
        ignore("headers", because: "no headers are changed")
        refuse("redirect", because: "the requests would be forwarded instead")
        refuse("rewrite", because: "the requests would be forwarded under their old path or authority")
        refuse("delegate", because: "the requests would find no route")
        if routes, replies {
            context.error(
                .conflictingFields,
                at: keyPosition("directResponse"),
                "a rule has either route or directResponse, not both"
            )
        }
        let action: TrafficRule.Action
        if let reply {
            action = .reply(reply)
        } else if let shares {
            action = .forward(shares)
        } else {
            let elsewhere = ["redirect", "delegate"].contains(where: has)
            if !routes, !replies, !elsewhere { reportMissing("route") }
            return nil
        }
        return TrafficRule(
            name: name,
            position: position,
            conditions: conditions,
            action: action,
            timeout: timeout.flatMap { $0.value == .zero ? nil : $0.value },
            retry: retry ?? .standard,
            fault: fault
        )
    }

    /// The weighted destinations of a rule; `nil` if the field is absent or nothing in it can be used.
    private mutating func trafficShares(_ name: String, namespace: String) -> [TrafficShare]? {
        guard let count = elements(name)?.count else { return nil }
        let shares = mappings(name) { fields -> TrafficShare? in
            let position = fields.position
            let weight = fields.integer("weight", in: 0...Int(UInt32.max))
            let destination = fields.requiredMapping("destination") { $0.destination(namespace: namespace) }
            fields.ignore("headers", because: "no headers are changed")
            guard let destination else { return nil }
            if weight == nil, fields.value("weight") != nil { return nil }
            // A single destination without a weight gets everything.
            let share = weight.map { UInt32($0.value) } ?? (count == 1 ? 1 : 0)
            return TrafficShare(
                host: destination.host,
                subset: destination.subset,
                port: destination.port,
                weight: share,
                position: position
            )
        }
        guard shares.count == count, count > 0 else {
            if count == 0 { context.error(.missingField, at: keyPosition(name), "\(name) has no destination") }
            return nil
        }
        return checkedWeights(shares, at: keyPosition(name))
    }

    /// The shares, if traffic can be split by their weights.
    func checkedWeights(_ shares: [TrafficShare], at position: SourcePosition) -> [TrafficShare]? {
        let sum = shares.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
        guard sum > 0 else {
            context.error(.invalidWeights, at: position, "the weights sum to 0, so no destination gets anything")
            return nil
        }
        guard sum <= UInt64(UInt32.max) else {
            context.error(.invalidWeights, at: position, "the weights sum to \(sum), above the bound of 4294967295")
            return nil
        }
        return shares
    }

    private struct Destination {
        var host: Located<HostPattern>
        var subset: SubsetSelector
        var port: Located<Int>?
    }

    private mutating func destination(namespace: String) -> Destination? {
        let host = host("host", namespace: namespace)
        let subset = text("subset")
        let port = mapping("port") { fields -> Located<Int>? in
            if !fields.has("number") { fields.reportMissing("number") }
            return fields.integer("number", in: 1...65_535)
        }
        guard let host else { return nil }
        guard !host.value.isWildcard else {
            context.error(.invalidValue, at: host.position, "a destination is one host, not a pattern")
            return nil
        }
        return Destination(host: host, subset: subset.map { .named($0) } ?? .whole, port: port)
    }

    private mutating func directResponse() -> LocalReply? {
        if !has("status") { reportMissing("status") }
        let status = integer("status", in: 200...599)
        let body = mapping("body") { fields -> String? in
            let text = fields.text("string")
            fields.refuse("bytes", because: "the body would be empty; use string")
            return text?.value
        }
        return status.map { LocalReply(status: $0.value, body: body ?? "") }
    }

    private mutating func fault() -> FaultConfiguration? {
        let delay = mapping("delay") { $0.faultDelay() }
        let abort = mapping("abort") { $0.faultAbort() }
        if !has("delay"), !has("abort") {
            context.warning(.noEffect, at: position, "a fault without delay or abort does nothing")
        }
        return delay == nil && abort == nil ? nil : FaultConfiguration(delay: delay, abort: abort)
    }

    private mutating func faultDelay() -> FaultConfiguration.Delay? {
        refuse("exponentialDelay", because: "Istio does not implement it either; use fixedDelay")
        if !has("fixedDelay"), !has("exponentialDelay") { reportMissing("fixedDelay") }
        let duration = duration("fixedDelay")
        let share = share(named: "the delay")
        return duration.map { FaultConfiguration.Delay(duration: $0.value, percentage: share) }
    }

    private mutating func faultAbort() -> FaultConfiguration.Abort? {
        refuse("grpcStatus", "http2Error", because: "requests would not be aborted; use httpStatus")
        if !has("httpStatus"), !has("grpcStatus"), !has("http2Error") { reportMissing("httpStatus") }
        let status = integer("httpStatus", in: 200...599)
        let share = share(named: "the abort")
        return status.map { FaultConfiguration.Abort(status: $0.value, percentage: share) }
    }
}
