// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What became of a case, in the form of `compare.py`.
struct Outcome {
    var number: Int
    var status: Int
    var fields: [(name: HeaderName, value: String)]
    /// The body, where the mesh answered by itself.
    var body: String?
    var error: MeshError?
    var ledger: CaseLedger

    var line: String {
        var text = JSONText()
        text.object { text in
            text.key("id")
            text.number(number)
            text.key("status")
            text.number(status)
            text.key("route")
            text.string(error?.route ?? ledger.record?.route)
            if let error, error.localReply == nil {
                text.key("thrown")
                text.string("\(error)")
                text.key("flag")
                text.string(error.shortCode)
            }
            if let body {
                text.key("body")
                text.string(body)
            }
            text.key("response_headers")
            Self.write(fields, to: &text)
            text.key("upstream")
            Self.write(ledger.attempts, to: &text)
            text.key("mirrors")
            Self.write(ledger.copies, to: &text)
        }
        return text.text
    }

    private static func write(_ fields: [(name: HeaderName, value: String)], to text: inout JSONText) {
        text.list { text in
            for field in fields {
                text.list { text in
                    text.string(field.name.lowercased)
                    text.string(field.value)
                }
            }
        }
    }

    private static func write(_ arrivals: [CaseLedger.Arrival], to text: inout JSONText) {
        text.list { text in
            for arrival in arrivals {
                text.object { text in
                    text.key("cluster")
                    text.string(arrival.endpoint.cluster)
                    text.key("endpoint")
                    text.number(arrival.endpoint.number)
                    text.key("method")
                    text.string(arrival.request.method)
                    text.key("path")
                    text.string(arrival.request.path)
                    text.key("headers")
                    write([("host", arrival.request.authority ?? "")] + arrival.request.fields, to: &text)
                }
            }
        }
    }
}
