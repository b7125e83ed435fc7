// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension Explanation {
    /// The facts that decide, for a field of a response: one line of JSON, percent-encoded where it must be.
    ///
    /// - Parameters:
    ///   - context: What became of the request: which cluster was drawn, which endpoint answered.
    ///   - maximumLength: How long it may be; facts that do not fit are left out, and `truncated` says so.
    func headerValue(_ context: CallContext, maximumLength: Int) -> String {
        let ending = #","truncated":true}"#
        var text = "{\"generation\":\(generation)"
        var isTruncated = false
        func add(_ name: String, _ value: String?) {
            guard let value else { return }
            let member = ",\"\(name)\":" + LocalReply.percentEncoded(Self.quoted(value))
            if text.utf8.count + member.utf8.count + ending.utf8.count <= maximumLength {
                text += member
            } else {
                isTruncated = true
            }
        }
        add("mesh", self["mesh"])
        add("listener", self["listener"])
        add("virtualHost", self["virtual host"])
        add("route", self["route"])
        add("cluster", cluster(context.selection?.clusterName))
        add("timeout", self["timeout"])
        add("retry", self["retry"])
        add("action", self["action"])
        add("policy", self["outbound traffic policy"])
        add("endpoint", context.endpoint.map { "\($0.address)" })
        if context.attempt > 0 { add("attempts", "\(context.attempt)") }
        return text + (isTruncated ? ending : "}")
    }

    /// The fact about the cluster that was drawn.
    private func cluster(_ name: String?) -> String? {
        guard let name, !name.isEmpty else { return self["cluster"] }
        return facts.first { $0.name == "cluster" && $0.value.hasPrefix("\(name), ") }?.value ?? name
    }

    /// A JSON string.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                quoted += "\\"
                quoted.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
