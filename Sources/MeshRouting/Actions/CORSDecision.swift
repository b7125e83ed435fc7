// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a policy says of a request of a page: whether it is answered at once, and what its response gains.
public struct CORSDecision: Hashable, Sendable {
    /// Whether the page's origin is one of the policy's; `nil` if no page sent the request, or nobody asks: then nothing
    /// counts and nothing happens.
    public let isOriginValid: Bool?
    /// The answer to a preflight request, which is not sent on; header changes of routes are not applied to it.
    public let preflight: LocalReply?
    /// Header fields that the response of a request gets which is sent on.
    private let fields: [LocalReply.Header]

    /// Nothing to do.
    public static let nothing = CORSDecision(isOriginValid: nil, preflight: nil, fields: [])

    init(isOriginValid: Bool?, preflight: LocalReply?, fields: [LocalReply.Header]) {
        self.isOriginValid = isOriginValid
        self.preflight = preflight
        self.fields = fields
    }

    /// Whether the response changes.
    public var changesResponse: Bool { !fields.isEmpty }

    /// Lets the page see the response.
    public func apply(to response: inout some ResponseHead) {
        for field in fields { response.setValue(field.value, for: field.name) }
    }
}
