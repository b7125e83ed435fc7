// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension RetryPolicy {
    /// Whether an answer has a header that asks for a retry (`retriable_headers`).
    func namesHeader(of response: some ResponseHead) -> Bool {
        guard conditions.contains(.retriableHeaders), !retriableHeaders.isEmpty else { return false }
        return retriableHeaders.contains { matcher in
            let values = response.values(of: matcher.name)
            return matcher.matches(value: values.isEmpty ? nil : values.joined(separator: ","))
        }
    }

    /// Whether a request is one of those that are sent again (`retriable_request_headers`).
    func mayRepeat(_ request: some RequestHead) -> Bool {
        retriableRequestHeaders.isEmpty || retriableRequestHeaders.contains { $0.matches(request) }
    }
}
