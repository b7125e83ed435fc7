// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A header field that a format names.
public struct FormatField: Hashable, Sendable {
    /// Whose field it is.
    public enum Source: Hashable, Sendable {
        /// The request's.
        case request
        /// The response's.
        case response
        /// One of those behind the response's body.
        case trailers
    }

    /// Whose field it is.
    public var source: Source
    /// Its name; `:method`, `:path`, `:authority`, `:scheme` and `:status` are parts of the first line.
    public var name: HeaderName

    /// Creates a name.
    public init(_ source: Source, _ name: HeaderName) {
        self.source = source
        self.name = name
    }

    /// The field's first value in these heads, or all of them where Envoy holds them as one; `nil` if there is none.
    public func value(in request: some RequestHead, _ response: (some ResponseHead)?) -> String? {
        switch source {
        case .request: request.firstValue(of: name)
        case .response:
            if name.lowercased == ":status" {
                response.map { String($0.statusCode) }
            } else if name.isListInEnvoy {
                response?.value(of: name)
            } else {
                response?.values(of: name).first
            }
        case .trailers: nil
        }
    }

    /// The field's first value in a request's head, while there is no response.
    public func value(in request: some RequestHead) -> String? {
        source == .request ? request.firstValue(of: name) : nil
    }
}
