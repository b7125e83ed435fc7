// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import NIOHTTP1

/// What filters changed in the head of a request, for those who hand on the head as it was received.
struct HeadEdits: Sendable {
    private let path: String?
    private let method: String?
    private let host: String?
    /// The fields that have other values now, none among them.
    private let fields: [(name: HTTPField.Name, values: [String])]

    init(from received: ReceivedHead, to admitted: ReceivedHead) {
        path = received.path == admitted.path ? nil : admitted.path
        method = received.method == admitted.method ? nil : admitted.method
        host = received.authority == admitted.authority ? nil : admitted.authority
        let (before, after) = (received.head.headerFields, admitted.head.headerFields)
        guard before != after else {
            fields = []
            return
        }
        var seen: Set<HTTPField.Name> = []
        var changed: [(name: HTTPField.Name, values: [String])] = []
        for name in (before + after).map(\.name) where seen.insert(name).inserted {
            let values = after[fields: name].map(\.value)
            if values != before[fields: name].map(\.value) { changed.append((name, values)) }
        }
        fields = changed
    }

    /// A part of the request as the handler behind is to see it.
    func applied(to part: HTTPServerRequestPart) -> HTTPServerRequestPart {
        guard case .head(var head) = part else { return part }
        if let path { head.uri = path }
        if let method { head.method = HTTPMethod(rawValue: method) }
        if let host { head.headers.replaceOrAdd(name: "host", value: host) }
        for (name, values) in fields {
            head.headers.remove(name: name.canonicalName)
            for value in values { head.headers.add(name: name.canonicalName, value: value) }
        }
        return .head(head)
    }
}
